//! What is set of Kafka.

use std::path::PathBuf;

use super::elastic::Hidden;
use super::{Layers, Setting, Shown, keys, shown};
use crate::cli::failure::Usage;
use crate::kafka::{Mechanism, User};

/// Who asks, how he proves it, and who vouches for those that answer.
#[derive(Debug)]
pub(crate) struct Kafka {
    user: Setting<Option<String>>,
    password: Setting<Option<Hidden>>,
    pub(super) mechanism: Setting<Mechanism>,
    pub(super) ca: Setting<Option<PathBuf>>,
}

impl Kafka {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let hidden = |text: &str| Ok(Some(Hidden(text.to_owned())));
        Ok(Self {
            user: layers.text(&keys::KAFKA_USER, None, |user| Ok(Some(user.to_owned())))?,
            password: layers.text(&keys::KAFKA_PASSWORD, None, hidden)?,
            mechanism: layers.text(&keys::KAFKA_MECHANISM, Mechanism::default(), str::parse)?,
            ca: layers.one(&keys::KAFKA_CA, None, |path| Ok(Some(PathBuf::from(path))))?,
        })
    }

    /// Who asks.
    pub(super) fn user(&self) -> Option<User> {
        let name = self.user.value.clone()?;
        let Hidden(password) = self.password.value.clone()?;
        Some(User { name, password })
    }

    pub(super) fn shown(&self) -> [Shown; 4] {
        let password = self.password.value.as_ref().map(|_| "(not shown)");
        let ca = self.ca.value.as_ref().map(|path| path.display().to_string());
        [
            shown(&keys::KAFKA_USER, &self.user, self.user.value.clone()),
            shown(&keys::KAFKA_PASSWORD, &self.password, password),
            shown(&keys::KAFKA_MECHANISM, &self.mechanism, self.mechanism.value.name()),
            shown(&keys::KAFKA_CA, &self.ca, ca),
        ]
    }
}
