//! The ledger: which actions have taken effect, and their answers until the client has them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::ClientId;
use super::bytes::{Reader, Writer};

/// How an action ended; what its client is told, as often as it asks.
///
/// This enum is complete.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The handler ran and its change is committed; with what it returned, as JSON.
    Done(Option<Arc<RawValue>>),
    /// Nothing changed; with the code and the text that the client is told.
    Failed {
        /// A code of the protocol, such as `failed` or `timeout`, or one of the application's own.
        code: Cow<'static, str>,
        /// For people.
        text: Arc<str>,
    },
}

impl Answer {
    /// Whether the action took effect.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Done(json) => json.as_deref().map_or(0, |json| json.get().len()),
            Self::Failed { code, text } => code.len() + text.len(),
        }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Done(a), Self::Done(b)) => {
                a.as_deref().map(RawValue::get) == b.as_deref().map(RawValue::get)
            }
            (Self::Failed { code: a, text: x }, Self::Failed { code: b, text: y }) => a == b && x == y,
            _ => false,
        }
    }
}

/// What a ledger says about an action that has arrived.
///
/// This enum is complete.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerState {
    /// It is the client's next one and has to run.
    Next,
    /// It has run before; this was its answer.
    Answered(Answer),
    /// It has run before and the client has said that it has the answer.
    Forgotten,
    /// Numbers before it are missing; this one should come next.
    Gap {
        /// The number that the ledger waits for.
        expected: u64,
    },
    /// The client has too many answers that it has not acknowledged.
    Full,
}

/// For each client of a session: the highest action number, and the answers that it has not acknowledged.
///
/// The ledger is stored in the same atomic write as the data that the actions changed, which is what makes an action
/// take effect exactly once. It is bounded: [`MAX_CLIENTS`](Self::MAX_CLIENTS) clients, of which the least recently
/// active one that has its answers is dropped for a new one, and [`MAX_ANSWERS`](Self::MAX_ANSWERS) answers or
/// [`MAX_BYTES`](Self::MAX_BYTES) each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// The most recently active client is last.
    clients: Vec<Client>,
}

#[derive(Debug, Clone, PartialEq)]
struct Client {
    id: ClientId,
    highest: u64,
    /// By growing number.
    answers: VecDeque<(u64, Answer)>,
}

impl Client {
    fn bytes(&self) -> usize {
        self.answers.iter().map(|(_, answer)| answer.bytes()).sum()
    }
}

impl Ledger {
    /// How many clients a ledger knows at most.
    pub const MAX_CLIENTS: usize = 16;
    /// How many unacknowledged answers a client may have.
    pub const MAX_ANSWERS: usize = 64;
    /// How many bytes of unacknowledged answers a client may have before it has to acknowledge some: 256 KiB.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// What is known about action `number` of `client`.
    #[must_use]
    pub fn state(&self, client: &ClientId, number: u64) -> LedgerState {
        let Some(entry) = self.client(client) else {
            return if number == 1 {
                LedgerState::Next
            } else {
                LedgerState::Gap { expected: 1 }
            };
        };
        if number <= entry.highest {
            let answer = entry.answers.iter().find(|(n, _)| *n == number);
            return answer.map_or(LedgerState::Forgotten, |(_, answer)| {
                LedgerState::Answered(answer.clone())
            });
        }
        // The highest number is the client's own word, so it may be the highest there is.
        let expected = entry.highest.saturating_add(1);
        if number != expected {
            LedgerState::Gap { expected }
        } else if entry.answers.len() >= Self::MAX_ANSWERS || entry.bytes() >= Self::MAX_BYTES {
            LedgerState::Full
        } else {
            LedgerState::Next
        }
    }

    /// Notes the answer to an action; [`state`](Self::state) has said [`Next`](LedgerState::Next) before.
    pub fn record(&mut self, client: &ClientId, number: u64, answer: Answer) {
        let mut entry = self.take(client);
        entry.highest = number;
        entry.answers.push_back((number, answer));
        if entry.answers.len() > Self::MAX_ANSWERS {
            entry.answers.pop_front();
        }
        self.put(entry);
    }

    /// Takes a client's entry out, or makes it.
    fn take(&mut self, client: &ClientId) -> Client {
        match self.clients.iter().position(|entry| entry.id == *client) {
            Some(index) => self.clients.remove(index),
            None => Client {
                id: client.clone(),
                highest: 0,
                answers: VecDeque::new(),
            },
        }
    }

    /// Puts an entry in as the most recently active one. A full ledger drops the client that was silent for longest among
    /// those that have all their answers, since such a client can say where it was; only then one that has not.
    fn put(&mut self, entry: Client) {
        if self.clients.len() >= Self::MAX_CLIENTS {
            let settled = self.clients.iter().position(|entry| entry.answers.is_empty());
            self.clients.remove(settled.unwrap_or(0));
        }
        self.clients.push(entry);
    }

    /// Forgets the answers to the actions of `client` up to `number`: it has them.
    ///
    /// A client that is not known here, or not as far as that, is taken at its word: it was dropped for others, or the
    /// writes that held its last actions were lost. Its next action is the one after `number`.
    pub fn acknowledge(&mut self, client: &ClientId, number: u64) {
        if !self.learns_from(client, number) {
            return;
        }
        let mut entry = self.take(client);
        entry.answers.retain(|(n, _)| *n > number);
        entry.answers.shrink_to_fit();
        entry.highest = entry.highest.max(number);
        self.put(entry);
    }

    /// Whether [`acknowledge`](Self::acknowledge) would change anything.
    #[must_use]
    pub fn learns_from(&self, client: &ClientId, number: u64) -> bool {
        self.highest(client) < number || self.unacknowledged(client, 0).any(|(n, _)| n <= number)
    }

    /// The highest action number of `client`, 0 for none.
    #[must_use]
    pub fn highest(&self, client: &ClientId) -> u64 {
        self.client(client).map_or(0, |entry| entry.highest)
    }

    /// The answers to actions of `client` above `after` that it has not acknowledged, by growing number.
    pub fn unacknowledged(&self, client: &ClientId, after: u64) -> impl Iterator<Item = (u64, &Answer)> {
        let answers = self.client(client).map(|entry| entry.answers.iter());
        answers
            .into_iter()
            .flatten()
            .filter(move |(n, _)| *n > after)
            .map(|(n, answer)| (*n, answer))
    }

    /// Whether no client has sent an action yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    fn client(&self, id: &ClientId) -> Option<&Client> {
        self.clients.iter().find(|entry| entry.id == *id)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.number(self.clients.len() as u64);
        for client in &self.clients {
            out.text(client.id.as_str());
            out.number(client.highest);
            out.number(client.answers.len() as u64);
            for (number, answer) in &client.answers {
                out.number(*number);
                match answer {
                    Answer::Done(None) => out.number(0),
                    Answer::Done(Some(json)) => {
                        out.number(1);
                        out.text(json.get());
                    }
                    Answer::Failed { code, text } => {
                        out.number(2);
                        out.text(code);
                        out.text(text);
                    }
                }
            }
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Option<Self> {
        let mut ledger = Self::default();
        for _ in 0..input.count(Self::MAX_CLIENTS)? {
            let id = ClientId::parse(input.text()?).ok()?;
            let highest = input.number()?;
            let mut answers = VecDeque::new();
            for _ in 0..input.count(Self::MAX_ANSWERS)? {
                let number = input.number()?;
                let answer = match input.number()? {
                    0 => Answer::Done(None),
                    1 => Answer::Done(Some(RawValue::from_string(input.text()?.to_owned()).ok()?.into())),
                    2 => Answer::Failed {
                        code: input.text()?.to_owned().into(),
                        text: input.text()?.into(),
                    },
                    _ => return None,
                };
                answers.push_back((number, answer));
            }
            ledger.clients.push(Client { id, highest, answers });
        }
        Some(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn failed(text: &str) -> Answer {
        Answer::Failed {
            code: "failed".into(),
            text: text.into(),
        }
    }

    #[test]
    fn takes_the_numbers_of_a_client_in_order_and_answers_repeats() {
        let (mut ledger, a) = (Ledger::default(), client("a"));
        assert_eq!(ledger.state(&a, 1), LedgerState::Next);
        assert_eq!(ledger.state(&a, 2), LedgerState::Gap { expected: 1 });
        ledger.record(&a, 1, Answer::Done(None));
        ledger.record(&a, 2, failed("no"));
        assert_eq!(ledger.state(&a, 1), LedgerState::Answered(Answer::Done(None)));
        assert_eq!(ledger.state(&a, 2), LedgerState::Answered(failed("no")));
        assert_eq!(ledger.state(&a, 3), LedgerState::Next);
        assert_eq!(ledger.state(&a, 5), LedgerState::Gap { expected: 3 });
        assert_eq!(ledger.state(&client("b"), 1), LedgerState::Next);
    }

    #[test]
    fn forgets_what_the_client_has_acknowledged_but_not_that_it_ran() {
        let (mut ledger, a) = (Ledger::default(), client("a"));
        for number in 1..=3 {
            ledger.record(&a, number, failed(&number.to_string()));
        }
        ledger.acknowledge(&a, 2);
        assert_eq!(ledger.state(&a, 2), LedgerState::Forgotten);
        assert_eq!(
            ledger.unacknowledged(&a, 0).collect::<Vec<_>>(),
            [(3, &failed("3"))]
        );
        assert_eq!(ledger.highest(&a), 3);
    }

    #[test]
    fn takes_the_word_of_a_client_that_it_does_not_know() {
        let (mut ledger, a) = (Ledger::default(), client("a"));
        ledger.acknowledge(&a, 7);
        assert_eq!(ledger.state(&a, 7), LedgerState::Forgotten);
        assert_eq!(ledger.state(&a, 8), LedgerState::Next);
        ledger.record(&a, 8, Answer::Done(None));
        ledger.acknowledge(&a, 3);
        assert_eq!(ledger.state(&a, 8), LedgerState::Answered(Answer::Done(None)));
        ledger.acknowledge(&a, u64::MAX);
        assert_eq!(ledger.state(&a, u64::MAX), LedgerState::Forgotten);
    }

    #[test]
    fn refuses_more_answers_than_it_may_keep() {
        let (mut ledger, a) = (Ledger::default(), client("a"));
        for number in 1..=Ledger::MAX_ANSWERS as u64 {
            assert_eq!(ledger.state(&a, number), LedgerState::Next);
            ledger.record(&a, number, Answer::Done(None));
        }
        let next = Ledger::MAX_ANSWERS as u64 + 1;
        assert_eq!(ledger.state(&a, next), LedgerState::Full);
        ledger.acknowledge(&a, 1);
        assert_eq!(ledger.state(&a, next), LedgerState::Next);
    }

    #[test]
    fn refuses_more_bytes_of_answers_than_it_may_keep() {
        let (mut ledger, a) = (Ledger::default(), client("a"));
        ledger.record(&a, 1, failed(&"x".repeat(Ledger::MAX_BYTES)));
        assert_eq!(ledger.state(&a, 2), LedgerState::Full);
        ledger.acknowledge(&a, 1);
        assert_eq!(ledger.state(&a, 2), LedgerState::Next);
    }

    #[test]
    fn drops_the_least_recently_active_client_for_a_new_one() {
        let mut ledger = Ledger::default();
        for index in 0..Ledger::MAX_CLIENTS {
            ledger.record(&client(&format!("c{index}")), 1, Answer::Done(None));
        }
        ledger.record(&client("c0"), 2, Answer::Done(None));
        ledger.record(&client("new"), 1, Answer::Done(None));
        assert_eq!(ledger.highest(&client("c0")), 2);
        assert_eq!(ledger.highest(&client("c1")), 0);
        // One that has its answers goes before all that have not.
        ledger.acknowledge(&client("c5"), 1);
        ledger.record(&client("newer"), 1, Answer::Done(None));
        assert_eq!(ledger.highest(&client("c5")), 0);
        assert_eq!(ledger.highest(&client("c2")), 1);
        assert_eq!(ledger.clients.len(), Ledger::MAX_CLIENTS);
    }
}
