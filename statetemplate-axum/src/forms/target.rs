//! Where a page's forms are sent: the address that names the page, the view of it, and the action.

use form_urlencoded::Serializer;
use statetemplate_core::{Error, store::OwnerId};

use crate::http::assets::PREFIX;

/// The address of one view of a page: of one response, that is, so that a form sent twice from it is known.
pub(crate) struct FormTarget {
    /// `/base/_statetemplate/act/PAGE?v=VIEW&to=PATH`
    address: String,
}

impl FormTarget {
    /// For the page of a session, which was asked for at `to`: its path and query.
    ///
    /// # Errors
    ///
    /// `Internal` when the system has no random numbers.
    pub(crate) fn new(base_path: &str, page: &str, to: &str) -> Result<Self, Error> {
        // 72 bits tell a page's views apart.
        let random = OwnerId::random()?;
        let view = random.as_str().get(..12).unwrap_or(random.as_str());
        let query = Serializer::new(String::new())
            .append_pair("v", view)
            .append_pair("to", to)
            .finish();
        Ok(FormTarget {
            address: format!("{base_path}{PREFIX}/act/{page}?{query}"),
        })
    }

    /// The address of a form whose buttons say what they do.
    pub(super) fn bare(&self) -> &str {
        &self.address
    }

    /// The address of an action with its values.
    pub(super) fn of(&self, event: Event, action: &str, values: &Values) -> String {
        let action = [(event.key().to_owned(), action.to_owned())];
        with(&with(&self.address, &action), values)
    }
}

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Sent a form: its fields are the payload, with the values.
    Submit,
    /// Pressed a button: the values alone are the payload.
    Click,
}

impl Event {
    fn key(self) -> &'static str {
        match self {
            Event::Submit => "submit",
            Event::Click => "click",
        }
    }
}

/// An address with more values at its end.
pub(super) fn with(address: &str, values: &[(String, String)]) -> String {
    let mut address = address.to_owned();
    for (name, value) in values {
        address.push('&');
        let start = address.len();
        Serializer::for_suffix(&mut address, start).append_pair(name, value);
    }
    address
}

/// The values of an element's `st-value-*`.
pub(super) type Values = Vec<(String, String)>;

/// An action with its values, as a button's own value holds them: `edit?task=5`.
pub(super) fn in_short(action: &str, values: &Values) -> String {
    let mut short: String = form_urlencoded::byte_serialize(action.as_bytes()).collect();
    if !values.is_empty() {
        short.push('?');
        let start = short.len();
        Serializer::for_suffix(&mut short, start).extend_pairs(values);
    }
    short
}

/// The reverse of [`in_short`].
pub(super) fn from_short(short: &str) -> (String, Values) {
    let (action, values) = short.split_once('?').unwrap_or((short, ""));
    let action = form_urlencoded::parse(action.as_bytes())
        .next()
        .map_or_else(String::new, |(action, _)| action.into_owned());
    (
        action,
        form_urlencoded::parse(values.as_bytes()).into_owned().collect(),
    )
}

/// What an address says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) view: String,
    /// The path and query of the page.
    pub(super) to: String,
    pub(super) action: Option<(Event, String)>,
    pub(super) values: Values,
}

impl Asked {
    /// Reads the query of an address. What is not there is empty.
    pub(super) fn read(query: &str) -> Self {
        let mut asked = Asked::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            // The values follow the action, whatever their names are.
            match name.as_str() {
                _ if asked.action.is_some() => asked.values.push((name, value)),
                "v" => asked.view = value,
                "to" => asked.to = value,
                "submit" => asked.action = Some((Event::Submit, value)),
                "click" => asked.action = Some((Event::Click, value)),
                _ => {}
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_was_put_into_it() {
        let target = FormTarget::new("/app", "PAGE", "/tasks?q=a&b").unwrap();
        let values = vec![
            ("click".to_owned(), "a b&c".to_owned()),
            ("to".to_owned(), "ä".to_owned()),
        ];
        let address = target.of(Event::Submit, "add=?", &values);
        let (path, query) = address.split_once('?').unwrap();
        assert_eq!(path, "/app/_statetemplate/act/PAGE");
        let asked = Asked::read(query);
        assert_eq!(asked.view.len(), 12);
        let expected = Asked {
            view: asked.view.clone(),
            to: "/tasks?q=a&b".into(),
            action: Some((Event::Submit, "add=?".into())),
            values,
        };
        assert_eq!(asked, expected);
    }

    #[test]
    fn a_buttons_value_says_what_was_put_into_it() {
        for action in ["edit", "a?b&c=d", "ä ö"] {
            for values in [
                vec![],
                vec![
                    ("task".to_owned(), "5".to_owned()),
                    ("?".to_owned(), "&=".to_owned()),
                ],
            ] {
                let short = in_short(action, &values);
                assert_eq!(from_short(&short), (action.to_owned(), values), "{short}");
            }
        }
    }
}
