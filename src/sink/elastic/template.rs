//! What an index is made by: settings and types of fields, which are put there where they are missing.

use serde_json::{Value, json};

use super::{By, Target};
use crate::flow::Naming;
use crate::store::elastic::{Body, Client, Server};
use crate::store::{Result, Watch};

/// The template of documents with our names, and of those by the Elastic Common Schema.
const OURS: &str = include_str!("../../../schema/elastic.json");
const ECS: &str = include_str!("../../../schema/elastic-ecs.json");

/// Puts the template for `target` where there is none, and sees whether what is there is for it.
///
/// # Errors
///
/// As [`Client::ask`]; [`StoreError::Refused`](crate::StoreError::Refused) where the name stands for
/// something else.
pub(super) fn ensure(client: &Client, target: Target) -> Result<()> {
    let watch = Watch::default();
    let server = client.server(&watch)?;
    if server == Server::Elastic6 && target.by == By::Stream {
        return Err(client.refuse("write", "Elasticsearch 6 has no data streams"));
    }
    if client.location.index.contains('*') {
        return Err(client.refuse("write", "a name with a * is of no one index"));
    }
    check_index(client, target)?;
    let name = match target.by {
        By::Index => client.location.index.clone(),
        By::Day => format!("{}-by-day", client.location.index),
        By::Stream => format!("{}-stream", client.location.index),
    };
    let path = match server {
        Server::Elastic6 => format!("/_template/{name}"),
        Server::Elastic | Server::OpenSearch => format!("/_index_template/{name}"),
    };
    let there = client.call("read the template", &path, Body::Get, &watch)?;
    if there.is_ok() {
        return Ok(());
    }
    if there.status != 404 {
        return Err(client.refused("read the template", &there));
    }
    let template = template(client, target, server)?;
    client.ask("put the template", &path, Body::Put(&template), &watch).map(drop)
}

/// Sees whether what has the name of the index already takes such documents.
fn check_index(client: &Client, target: Target) -> Result<()> {
    const DOING: &str = "look at the index";
    let index = &client.location.index;
    let reply = client.call(DOING, &format!("/{index}/_mapping"), Body::Get, &Watch::default())?;
    if reply.status == 404 {
        return Ok(());
    }
    if !reply.is_ok() {
        return Err(client.refused(DOING, &reply));
    }
    let there: Value = client.read(DOING, &reply)?;
    for (name, mapping) in there.as_object().into_iter().flatten() {
        let is_of = if name == index {
            By::Index
        } else if name.starts_with(".ds-") {
            By::Stream
        } else {
            By::Day
        };
        if is_of != target.by {
            let problem = format!("{index} is {}, and not {}", is_of.words(), target.by.words());
            return Err(client.refuse("write", format!("{problem}: name another")));
        }
        let mapping = &mapping["mappings"];
        let meta = [&mapping["_meta"], &mapping["_doc"]["_meta"]];
        let schema = meta.iter().find_map(|meta| meta["schema"].as_str());
        if let Some(schema) = schema.filter(|&schema| schema != target.schema.name()) {
            let problem = format!("the documents of {name} are by the schema {schema}");
            return Err(client.refuse("write", format!("{problem}: name another index")));
        }
    }
    Ok(())
}

/// The template as the server takes it.
fn template(client: &Client, target: Target, server: Server) -> Result<Value> {
    let text = if target.schema == Naming::Ecs { ECS } else { OURS };
    let mut template: Value = serde_json::from_str(text)
        .map_err(|error| client.refuse("put the template", error.to_string()))?;
    let index = &client.location.index;
    let patterns = match target.by {
        By::Index | By::Stream => vec![index.clone()],
        By::Day => {
            // One name for the indexes of all days.
            template["aliases"] = json!({index: {}});
            vec![format!("{index}-*")]
        }
    };
    if server == Server::Elastic6 {
        template["mappings"] = json!({"_doc": template["mappings"]});
        template["index_patterns"] = json!(patterns);
        return Ok(template);
    }
    let mut whole = json!({"index_patterns": patterns, "priority": 500, "template": template});
    if target.by == By::Stream {
        whole["data_stream"] = json!({});
    }
    Ok(whole)
}
