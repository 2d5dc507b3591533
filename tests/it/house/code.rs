//! Which module uses which, read from the text of the files.

use std::collections::BTreeMap;

/// The names of a module from the crate's root on; the root itself has none.
pub(super) type Name = Vec<String>;

/// All modules of a crate.
#[derive(Default)]
pub(super) struct Modules(BTreeMap<Name, Module>);

/// What one module says of others.
#[derive(Default)]
struct Module {
    /// What `use` brings in under which name.
    imports: BTreeMap<String, Name>,
    /// All paths that are in its code.
    paths: Vec<Name>,
}

/// A path in the code of `user` leads to an item of `used`.
pub(super) struct Use {
    pub user: Name,
    pub used: Name,
    pub path: String,
}

impl Modules {
    /// Takes a file in; `file` is its place in `src`, as in `flow/record.rs`.
    pub(super) fn add(&mut self, file: &str, code: &str) {
        let file = file.strip_suffix(".rs").unwrap_or(file);
        let mut name: Name = file.split('/').map(str::to_owned).collect();
        if ["mod", "lib"].contains(&name.last().map_or("", String::as_str)) {
            name.pop();
        }
        self.add_module(name, &library_code(code));
    }

    fn add_module(&mut self, name: Name, code: &str) {
        let (own, inner) = without_inner(code);
        for (child, code) in inner {
            self.add_module([&name[..], &[child]].concat(), &code);
        }
        self.0.insert(name, Module { imports: imports(&own), paths: paths(&own) });
    }

    /// Every path of every module that leads to another module of the crate.
    pub(super) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (user, module) in &self.0 {
            for path in &module.paths {
                if let Some((used, _)) = self.resolve(user, path)
                    && used != *user
                {
                    uses.push(Use { user: user.clone(), used, path: path.join("::") });
                }
            }
        }
        uses
    }

    /// The module whose item `path` means in the code of `from`, and whether the path ends at the
    /// module itself; nothing for paths out of the crate.
    fn resolve(&self, from: &[String], path: &[String]) -> Option<(Name, bool)> {
        let mut at = match path.first()?.as_str() {
            "crate" => Vec::new(),
            first => {
                let known = [self.0[from].imports.contains_key(first), self.is_child(from, first)];
                if !["self", "super"].contains(&first) && known == [false, false] {
                    return None;
                }
                from.to_vec()
            }
        };
        for part in path {
            match part.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()?),
                name if self.is_child(&at, name) => at.push(name.to_owned()),
                name => match self.0.get(&at)?.imports.get(name) {
                    Some(import) => match self.resolve(&at, import)? {
                        (module, true) => at = module,
                        item => return Some(item),
                    },
                    None => return Some((at, false)),
                },
            }
        }
        Some((at, true))
    }

    fn is_child(&self, module: &[String], name: &str) -> bool {
        self.0.contains_key(&[module, &[name.to_owned()]].concat())
    }
}

/// The code without comments, and without the tests at its end, which may use any module.
fn library_code(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The code but for the modules that it writes out in braces, and these by name.
fn without_inner(code: &str) -> (String, Vec<(String, String)>) {
    let (mut own, mut inner) = (Vec::new(), Vec::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let opened = line.strip_suffix(" {").and_then(|line| line.split_once("mod "));
        match opened.filter(|(before, _)| before.is_empty() || before.starts_with("pub")) {
            Some((_, name)) => {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
                inner.push((name.to_owned(), body.join("\n")));
            }
            None => own.push(line),
        }
    }
    (own.join("\n"), inner)
}

/// What each `use` of the code brings in, by the name that it has here.
fn imports(code: &str) -> BTreeMap<String, Name> {
    let mut imports = BTreeMap::new();
    for line in code.lines().enumerate().filter(|(_, line)| is_use(line)).map(|(number, _)| number)
    {
        let text: Vec<&str> = code.lines().skip(line).collect();
        let text = text.join("\n");
        for (path, renamed) in tree(&text[text.find("use ").unwrap() + 4..]).0 {
            let name = renamed.or_else(|| path.last().cloned());
            // A macro that is given out under the name that it has here is no other's.
            let is_own = path.len() == 1 && path.first() == name.as_ref();
            imports.extend(name.filter(|_| !is_own).map(|name| (name, path)));
        }
    }
    imports
}

fn is_use(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("use ") || line.starts_with("pub") && line.contains(" use ")
}

/// Every path of at least two names in the code, with groups spread out.
fn paths(code: &str) -> Vec<Name> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric() || c == '_') {
        let (found, after) = tree(&rest[start..]);
        paths.extend(found.into_iter().map(|(path, _)| path).filter(|path| path.len() > 1));
        rest = after;
    }
    paths
}

type Paths = Vec<(Name, Option<String>)>;

/// The paths of the use tree that `text` begins with, each with the name that `as` gives it, and
/// what follows.
fn tree(text: &str) -> (Paths, &str) {
    let mut paths = Vec::new();
    let rest = read_tree(text, &mut Vec::new(), &mut paths);
    (paths, rest)
}

/// Reads one tree and returns what follows it.
fn read_tree<'a>(text: &'a str, prefix: &mut Name, paths: &mut Paths) -> &'a str {
    let depth = prefix.len();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.starts_with('}') && !rest.is_empty() {
                rest = read_tree(rest, prefix, paths).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest = rest.strip_prefix('}').unwrap_or(rest);
            break;
        }
        let (name, after) = word(rest);
        if name.is_empty() {
            // `*`, or nothing that a path can go on with: the path ends here.
            let skipped = rest.chars().next().map_or(0, char::len_utf8);
            rest = &rest[skipped..];
            paths.push((prefix.clone(), None));
            break;
        }
        prefix.push(name.to_owned());
        rest = after;
        let Some(more) = rest.strip_prefix("::") else {
            let (renamed, after) = rest.strip_prefix(" as ").map_or(("", rest), word);
            rest = after;
            if prefix.last().is_some_and(|name| name == "self") && prefix.len() > 1 {
                prefix.pop();
            }
            paths.push((prefix.clone(), Some(renamed.to_owned()).filter(|name| !name.is_empty())));
            break;
        };
        rest = more;
    }
    prefix.truncate(depth);
    rest
}

/// The identifier that `text` begins with, and what follows.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()))
}
