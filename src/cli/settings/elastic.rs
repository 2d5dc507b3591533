//! What is set of Elasticsearch and OpenSearch.

use std::path::PathBuf;

use super::{Layers, Setting, Shown, keys, shown};
use crate::cli::failure::Usage;
use crate::store::elastic::Credentials;

/// Who asks, and who vouches for those that answer.
#[derive(Debug)]
pub(crate) struct Elastic {
    user: Setting<Option<String>>,
    password: Setting<Option<Hidden>>,
    api_key: Setting<Option<Hidden>>,
    pub(super) ca: Setting<Option<PathBuf>>,
}

/// What is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(pub(super) String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Elastic {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let hidden = |text: &str| Ok(Some(Hidden(text.to_owned())));
        Ok(Self {
            user: layers.text(&keys::ELASTIC_USER, None, |user| Ok(Some(user.to_owned())))?,
            password: layers.text(&keys::ELASTIC_PASSWORD, None, hidden)?,
            api_key: layers.text(&keys::ELASTIC_API_KEY, None, hidden)?,
            ca: layers.one(&keys::ELASTIC_CA, None, |path| Ok(Some(PathBuf::from(path))))?,
        })
    }

    /// Who asks: whoever has the key, where there is one.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        if let Some(Hidden(key)) = &self.api_key.value {
            return Some(Credentials::ApiKey(key.clone()));
        }
        let user = self.user.value.clone()?;
        let Hidden(password) = self.password.value.clone()?;
        Some(Credentials::Basic { user, password })
    }

    pub(super) fn shown(&self) -> [Shown; 4] {
        let hidden =
            |setting: &Setting<Option<Hidden>>| setting.value.as_ref().map(|_| "(not shown)");
        let ca = self.ca.value.as_ref().map(|path| path.display().to_string());
        [
            shown(&keys::ELASTIC_USER, &self.user, self.user.value.clone()),
            shown(&keys::ELASTIC_PASSWORD, &self.password, hidden(&self.password)),
            shown(&keys::ELASTIC_API_KEY, &self.api_key, hidden(&self.api_key)),
            shown(&keys::ELASTIC_CA, &self.ca, ca),
        ]
    }
}
