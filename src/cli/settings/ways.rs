//! What the configuration says of the ways on which alerts go out: `[ways.NAME]`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::WAYS;
use super::{Origin, Shown};
use crate::alert::way::{Carrier, Secret, cef, command, mail, slack, syslog, webhook};
use crate::alert::{Source, Terms, Way};
use crate::cli::failure::Usage;
use crate::detect::Severity;

/// The kinds of ways.
const KINDS: &str = "webhook, slack, syslog, cef, mail and command";
/// A command ends within so many seconds, where nothing else is said.
const COMMAND_SECS: u64 = 30;
/// The facility of what is about security (RFC 5424 §6.2.1: auth).
const FACILITY: &str = "auth";
/// The number of an enterprise in examples (RFC 5612).
const ENTERPRISE: u32 = 32_473;

/// A way as the file sets it.
#[derive(Debug)]
pub(crate) struct WaySettings {
    pub(crate) terms: Terms,
    kind: Kind,
    origin: Origin,
    /// As `config show` prints it: files are named, and what is in them is not.
    shown: Vec<Shown>,
}

#[derive(Debug)]
enum Kind {
    Webhook(webhook::Options),
    Slack { url: Secret, ca: Option<PathBuf> },
    Syslog(syslog::Options),
    Cef(syslog::Options),
    Mail(mail::Options),
    Command(command::Command),
}

impl WaySettings {
    /// The way, ready to send.
    ///
    /// # Errors
    ///
    /// [`Usage`] with its place, if it cannot be so.
    pub(crate) fn open(&self) -> Result<Way, Usage> {
        let carrier: Result<Box<dyn Carrier>, _> = match &self.kind {
            Kind::Webhook(options) => webhook::Webhook::new(options).map(|way| Box::new(way) as _),
            Kind::Slack { url, ca } => {
                slack::Slack::new(url, ca.as_ref()).map(|way| Box::new(way) as _)
            }
            Kind::Syslog(options) => syslog::Syslog::new(options).map(|way| Box::new(way) as _),
            Kind::Cef(options) => cef::Cef::new(options).map(|way| Box::new(way) as _),
            Kind::Mail(options) => mail::Mailer::new(options).map(|way| Box::new(way) as _),
            Kind::Command(command) => Ok(Box::new(command.clone()) as _),
        };
        let name = &self.terms.name;
        let carrier = carrier
            .map_err(|problem| Usage(format!("{}: {WAYS}.{name}: {problem}", self.origin)))?;
        Ok(Way { terms: self.terms.clone(), carrier })
    }
}

/// The settings of all ways, as `config show` prints them.
pub(super) fn shown(ways: &[WaySettings]) -> impl Iterator<Item = Shown> {
    ways.iter().flat_map(|way| {
        way.shown.iter().map(|shown| Shown {
            name: shown.name.clone(),
            value: shown.value.clone(),
            origin: shown.origin.clone(),
        })
    })
}

/// Reads the table; `place` says where in the file something stands, and paths are meant from where
/// `file` is.
///
/// # Errors
///
/// [`Usage`] with the place of what cannot be meant.
pub(super) fn parse(
    table: &Spanned<DeValue<'_>>,
    file: &Path,
    place: &dyn Fn(usize) -> Origin,
) -> Result<Vec<WaySettings>, Usage> {
    let wrong = |at: usize, what: String| Usage(format!("{}: {what}", place(at)));
    let DeValue::Table(ways) = table.get_ref() else {
        let what = format!("{WAYS}: wants tables; write [{WAYS}.hook]");
        return Err(wrong(table.span().start, what));
    };
    let mut found = Vec::new();
    for (key, value) in ways {
        let (name, at) = (key.get_ref(), key.span().start);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            let what = "a name has letters, digits, - and _, 64 at most";
            return Err(wrong(at, format!("{WAYS}.{name:?}: {what}")));
        }
        let DeValue::Table(settings) = value.get_ref() else {
            let what = format!("{WAYS}.{name}: wants a table; write kind = \"webhook\" in it");
            return Err(wrong(at, what));
        };
        let reader = Reader {
            name: format!("{WAYS}.{name}"),
            at,
            settings,
            file,
            place,
            taken: RefCell::default(),
        };
        found.push(way(name, &reader)?);
    }
    Ok(found)
}

fn way(name: &str, reader: &Reader<'_, '_>) -> Result<WaySettings, Usage> {
    let kind = reader.needed("kind", KINDS)?;
    let severity = reader.parsed("severity")?.unwrap_or(Severity::Low);
    let mut sources = Vec::new();
    for (source, at) in reader.texts("sources")? {
        sources.push(source.parse::<Source>().map_err(|e| reader.wrong_at(at, "sources", &e))?);
    }
    let kind = match &*kind {
        "webhook" => Kind::Webhook(webhook::Options {
            url: url(reader)?,
            token: reader.secret("token")?,
            secret: reader.secret("secret")?,
            ca: reader.path("ca")?,
        }),
        "slack" => Kind::Slack { url: url(reader)?, ca: reader.path("ca")? },
        "syslog" => Kind::Syslog(syslog(reader)?),
        "cef" => Kind::Cef(syslog(reader)?),
        "mail" => Kind::Mail(mail(reader)?),
        "command" => {
            let program: PathBuf = reader.needed("program", "the path of one")?.into();
            if !program.is_absolute() {
                return Err(reader.wrong("program", &"write its whole path"));
            }
            let arguments = reader.texts("arguments")?.into_iter().map(|(text, _)| text).collect();
            let secs = reader.number("secs", 1..=3_600)?.unwrap_or(COMMAND_SECS);
            let patience = Duration::from_secs(secs);
            Kind::Command(command::Command { program, arguments, patience })
        }
        other => {
            let what = format!("{other:?} is no kind of a way; there are {KINDS}");
            return Err(reader.wrong("kind", &what));
        }
    };
    let terms = Terms { name: name.to_owned(), severity, sources };
    let shown = reader.finish()?;
    Ok(WaySettings { terms, kind, origin: (reader.place)(reader.at), shown })
}

/// Where a webhook is: that of Slack's is a secret, which a file may have.
fn url(reader: &Reader<'_, '_>) -> Result<Secret, Usage> {
    match (reader.text("url")?, reader.secret("url")?) {
        (Some(url), None) => Ok(Secret::Text(url)),
        (None, Some(url)) => Ok(url),
        (None, None) => Err(reader.wrong("url", &"is missing; write url or url_file")),
        (Some(_), Some(_)) => Err(reader.wrong("url", &"is given twice")),
    }
}

fn syslog(reader: &Reader<'_, '_>) -> Result<syslog::Options, Usage> {
    let place = reader.needed("to", "udp://HOST[:PORT], tcp://, tls:// or unix:///dev/log")?;
    let facility = reader.text("facility")?.unwrap_or_else(|| FACILITY.to_owned());
    let enterprise = reader.number("enterprise", 1..=u64::from(u32::MAX))?;
    Ok(syslog::Options {
        place: place.parse().map_err(|error| reader.wrong("to", &error))?,
        facility: syslog::facility(&facility).map_err(|error| reader.wrong("facility", &error))?,
        enterprise: enterprise.map_or(ENTERPRISE, |number| number as u32),
        ca: reader.path("ca")?,
    })
}

fn mail(reader: &Reader<'_, '_>) -> Result<mail::Options, Usage> {
    let address = |key, text: &str| mail::address(text).map_err(|e| reader.wrong(key, &e));
    let encryption = match reader.text("encryption")?.as_deref() {
        None | Some("starttls") => mail::Encryption::StartTls,
        Some("tls") => mail::Encryption::Tls,
        Some("none") => mail::Encryption::None,
        Some(other) => {
            let what = format!("{other:?} is none; write starttls, tls or none");
            return Err(reader.wrong("encryption", &what));
        }
    };
    let (user, password) = (reader.text("user")?, reader.secret("password")?);
    let user = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ => return Err(reader.wrong("user", &"user and password_file go together")),
    };
    if user.is_some() && encryption == mail::Encryption::None {
        return Err(reader.wrong("encryption", &"a password does not go unencrypted"));
    }
    let mut to = Vec::new();
    for (text, at) in reader.texts("to")? {
        to.push(mail::address(&text).map_err(|error| reader.wrong_at(at, "to", &error))?);
    }
    if to.is_empty() {
        return Err(reader.wrong("to", &"is missing; write the addresses of who gets mail"));
    }
    Ok(mail::Options {
        server: reader.needed("server", "the name of the server")?,
        port: reader.number("port", 1..=u64::from(u16::MAX))?.map(|port| port as u16),
        encryption,
        ca: reader.path("ca")?,
        user,
        from: address("from", &reader.needed("from", "the sender's address")?)?,
        to,
    })
}

/// Reads the table of one way, and knows in the end what nobody asked for.
struct Reader<'a, 'i> {
    name: String,
    at: usize,
    settings: &'a DeTable<'i>,
    file: &'a Path,
    place: &'a dyn Fn(usize) -> Origin,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a, 'i> Reader<'a, 'i> {
    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.taken.borrow_mut().insert(key.to_owned());
        self.settings.get(key)
    }

    /// What is wrong with a key, at its place, or at that of the table.
    fn wrong(&self, key: &str, what: &dyn Display) -> Usage {
        let at = self.settings.get(key).map_or(self.at, |value| value.span().start);
        self.wrong_at(at, key, what)
    }

    fn wrong_at(&self, at: usize, key: &str, what: &dyn Display) -> Usage {
        Usage(format!("{}: {}.{key}: {what}", (self.place)(at), self.name))
    }

    fn text(&self, key: &str) -> Result<Option<String>, Usage> {
        match self.get(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::String(text)) if !text.is_empty() => Ok(Some(text.clone().into_owned())),
            Some(_) => Err(self.wrong(key, &"wants a text")),
        }
    }

    fn needed(&self, key: &str, what: &str) -> Result<String, Usage> {
        let missing = || self.wrong(key, &format_args!("is missing; write {what}"));
        self.text(key)?.ok_or_else(missing)
    }

    fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, Usage> {
        let text = self.text(key)?;
        text.map(|text| text.parse().map_err(|error| self.wrong(key, &error))).transpose()
    }

    fn number(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Usage> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let wrong = || self.wrong(key, &format_args!("wants {} to {}", range.start(), range.end()));
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(wrong)
    }

    /// Texts, each with its place.
    fn texts(&self, key: &str) -> Result<Vec<(String, usize)>, Usage> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong(key, &"wants a list of texts"));
        };
        let text = |item: &Spanned<DeValue<'i>>| match item.get_ref() {
            DeValue::String(text) => Ok((text.clone().into_owned(), item.span().start)),
            _ => Err(self.wrong_at(item.span().start, key, &"wants texts in its list")),
        };
        items.iter().map(text).collect()
    }

    /// A path, meant from where the file is.
    fn path(&self, key: &str) -> Result<Option<PathBuf>, Usage> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        Ok(self.text(key)?.map(|path| folder.join(path)))
    }

    /// What is in the file that `KEY_file` names, or in the variable that `KEY_variable` names: it
    /// stands neither in this file nor in a list of processes. It is read when the way is opened, as
    /// most commands neither need it nor may read it.
    fn secret(&self, key: &str) -> Result<Option<Secret>, Usage> {
        let (in_file, in_variable) = (format!("{key}_file"), format!("{key}_variable"));
        match (self.path(&in_file)?, self.text(&in_variable)?) {
            (None, None) => Ok(None),
            (Some(path), None) => Ok(Some(Secret::File(path))),
            (None, Some(name)) => Ok(Some(Secret::Variable(name))),
            (Some(_), Some(_)) => {
                Err(self.wrong(&in_file, &format_args!("{in_variable} says it, too")))
            }
        }
    }

    /// What is shown of the table, if all of it was asked for.
    fn finish(&self) -> Result<Vec<Shown>, Usage> {
        let taken = self.taken.borrow().clone();
        let mut shown = Vec::new();
        for (key, value) in self.settings {
            let (key, at) = (key.get_ref(), value.span().start);
            if !taken.contains(&**key) {
                let known: Vec<&str> = taken.iter().map(String::as_str).collect();
                let what = format!("unknown key; there are {}", known.join(", "));
                return Err(self.wrong_at(at, key, &what));
            }
            let value = match value.get_ref() {
                // The path of a webhook is its password, as often as not.
                DeValue::String(url) if key == "url" => without_path(url).into(),
                DeValue::String(text) => Value::from(&**text),
                DeValue::Integer(number) => {
                    number.as_str().replace('_', "").parse::<u64>().ok().into()
                }
                DeValue::Array(_) => {
                    self.texts(key)?.into_iter().map(|(text, _)| Value::from(text)).collect()
                }
                _ => Value::Null,
            };
            let name = format!("{}.{key}", self.name).into();
            shown.push(Shown { name, value, origin: (self.place)(at).to_string() });
        }
        Ok(shown)
    }
}

/// A URL as it may be shown.
fn without_path(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}/…")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn parsed(folder: &Path, text: &str) -> Result<Vec<WaySettings>, String> {
        let file = folder.join("e.toml");
        let table = DeTable::parse(text).unwrap();
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let place = |at| Origin::File { path: "e.toml".into(), line: line(at) };
        parse(&table.get_ref()[WAYS], &file, &place).map_err(|error| error.0)
    }

    #[test]
    fn each_kind_of_a_way_can_be_set() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "hush-hush\n").unwrap();
        let text = "
            [ways.hook]
            kind = 'webhook'
            url = 'https://user:pw@soc.example.org/hook/hush-hush'
            secret_file = 'secret'
            severity = 'medium'
            sources = ['rule', 'watch']
            [ways.chat]
            kind = 'slack'
            url_file = 'secret'
            [ways.log]
            kind = 'syslog'
            to = 'tls://logs.example.org'
            facility = 'local3'
            [ways.siem]
            kind = 'cef'
            to = 'udp://10.0.0.1'
            [ways.mail]
            kind = 'mail'
            server = 'mail.example.org'
            user = 'flows'
            password_file = 'secret'
            from = 'Flows <flows@example.org>'
            to = ['soc@example.org']
            [ways.page]
            kind = 'command'
            program = '/usr/bin/page'
            arguments = ['--urgent']
            secs = 5";
        let ways = parsed(folder.path(), text).unwrap();
        let terms = &ways.iter().find(|way| way.terms.name == "hook").unwrap().terms;
        assert_eq!(terms.severity, Severity::Medium);
        assert_eq!(terms.sources, [Source::Rule, Source::Watch]);
        let shown: Vec<String> =
            shown(&ways).map(|shown| format!("{} = {}", shown.name, shown.value)).collect();
        assert!(shown.contains(&"ways.hook.url = \"https://soc.example.org/…\"".to_owned()));
        assert!(shown.contains(&"ways.page.arguments = [\"--urgent\"]".to_owned()));
        let all = format!("{shown:?} {ways:?}");
        assert!(!all.contains("hush") && !all.contains("pw@"), "{all}");
        for way in &ways {
            let opened = way.open().map(|way| way.terms.name);
            // The file is no URL.
            let expected = way.terms.name != "chat";
            assert_eq!(opened.is_ok(), expected, "{way:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        for (text, told) in [
            (
                "[ways]\nhook = 1",
                "e.toml:2: ways.hook: wants a table; write kind = \"webhook\" in it",
            ),
            (
                "[ways.'a b']",
                "e.toml:1: ways.\"a b\": a name has letters, digits, - and _, 64 at most",
            ),
            (
                "[ways.a]\nseverity='low'",
                "e.toml:1: ways.a.kind: is missing; write webhook, slack, syslog, cef, mail and command",
            ),
            (
                "[ways.a]\nkind='fax'",
                "e.toml:2: ways.a.kind: \"fax\" is no kind of a way; there are webhook, slack, \
                 syslog, cef, mail and command",
            ),
            ("[ways.a]\nkind='webhook'", "e.toml:1: ways.a.url: is missing; write url or url_file"),
            (
                "[ways.a]\nkind='webhook'\nurl='http://x'\nseverity='grave'",
                "e.toml:4: ways.a.severity: \"grave\" is no severity; write low, medium or high",
            ),
            (
                "[ways.a]\nkind='slack'\nurl='http://x'\nchannel='y'",
                "e.toml:4: ways.a.channel: unknown key; there are ca, kind, severity, sources, url, \
                 url_file, url_variable",
            ),
            (
                "[ways.a]\nkind='command'\nprogram='page'",
                "e.toml:3: ways.a.program: write its whole path",
            ),
            (
                "[ways.a]\nkind='command'\nprogram='/x'\nsecs=0",
                "e.toml:4: ways.a.secs: wants 1 to 3600",
            ),
            (
                "[ways.a]\nkind='mail'\nto=['x']",
                "e.toml:3: ways.a.to: \"x\" is no address of mail; write soc@example.org",
            ),
        ] {
            assert_eq!(parsed(folder.path(), text).unwrap_err(), told, "{text}");
        }
        let wrong = "[ways.a]\nkind='webhook'\nurl='ftp://x'";
        let opened = parsed(folder.path(), wrong).unwrap()[0].open().map(|_| ()).unwrap_err();
        assert!(opened.0.starts_with("e.toml:1: ways.a: it is no URL"), "{}", opened.0);
    }
}
