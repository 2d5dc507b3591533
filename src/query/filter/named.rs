//! What exporters call their interfaces, VRFs and applications, as JSON shows it: asked for by the
//! numbers that they are names of.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::ParseFilterError;
use super::fields::Named;
use super::lexer::Kind as Token;
use super::parser::{Parser, Result};
use crate::flow::{Column, ElementId, Names};
use crate::row::{
    AddressField, AddressRange, AddressSet, NumberField, NumberSet, Predicate, Shown,
};

impl Named {
    /// What JSON calls `word`, in any case.
    pub(super) fn called(word: &str) -> Option<Self> {
        let names = [
            ("inputName", Self::Input),
            ("outputName", Self::Output),
            ("ingressVRFName", Self::IngressVrf),
            ("egressVRFName", Self::EgressVrf),
            ("applicationName", Self::Application),
            ("nbarName", Self::Application),
            ("inIfName", Self::Input),
            ("outIfName", Self::Output),
        ];
        names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, named)| named)
    }

    /// Flows of which it is called `text`.
    fn is(self, text: &str, names: &Names) -> Predicate {
        let element = |number| NumberField::Element(ElementId::iana(number));
        match self {
            Self::Input => called(&names.interfaces, text, NumberField::Column(Column::Input)),
            Self::Output => called(&names.interfaces, text, NumberField::Column(Column::Output)),
            Self::IngressVrf => called(&names.vrfs, text, element(234)),
            Self::EgressVrf => called(&names.vrfs, text, element(235)),
            Self::Application => Predicate::or([
                Predicate::Shown(ElementId::iana(96), Shown::Text(text.to_owned())),
                called(&names.applications, text, element(95)),
            ]),
        }
    }
}

/// Flows whose exporter calls the number that they have in `field` so.
fn called<I: Copy + Into<u64>>(
    names: &BTreeMap<(IpAddr, I), String>,
    text: &str,
    field: NumberField,
) -> Predicate {
    let mut exporters: BTreeMap<u64, Vec<AddressRange>> = BTreeMap::new();
    for (&(exporter, number), _) in names.iter().filter(|(_, name)| *name == text) {
        exporters.entry(number.into()).or_default().push(exporter.into());
    }
    Predicate::or(exporters.into_iter().map(|(number, exporters)| {
        Predicate::and([
            Predicate::Address(AddressField::Exporter, AddressSet::new(exporters)),
            Predicate::Number(field, NumberSet::only(number)),
        ])
    }))
}

impl Parser<'_, '_, '_> {
    /// What must hold of what is `named`: one name, or any of a list.
    pub(super) fn named_test(&mut self, named: Named) -> Result<Predicate> {
        self.one_or_list(Predicate::NONE, |parser| {
            let token = parser.next();
            let text = match token.kind {
                Token::Word(word) => word.to_owned(),
                Token::Quoted(text) => text,
                _ => {
                    return Err(ParseFilterError::at(token.span, "no name stands here")
                        .expecting("a name, such as \"eth0\""));
                }
            };
            let known = parser.sources.names(&token.span)?;
            Ok(named.is(&text, &known))
        })
    }
}
