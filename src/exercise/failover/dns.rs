//! A record of DNS, by dynamic update (RFC 2136), signed with TSIG (RFC 8945) where there is a key. It is only changed
//! if it is what it is expected to be.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::str::FromStr as _;
use std::time::Duration;

use data_encoding::BASE64;
use hickory_proto::op::update_message::compare_and_swap;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record as ResourceRecord, RecordSet, RecordType, TSigner};

use super::switch::{Goal, Move, Switch};
use crate::clock::{Clock as _, Stopwatch, SystemClock};
use crate::request::Hands;
use crate::wire::exercise::Dns;

/// How long a server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long servers may take to know of a change, where the file does not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// By how many seconds the clocks of two machines may differ.
const FUDGE: u16 = 300;

/// A record, and where it is changed.
pub(super) struct Record<'a> {
    written: &'a Dns,
    hands: &'a Hands<'a>,
}

impl<'a> Record<'a> {
    pub(super) fn new(written: &'a Dns, hands: &'a Hands<'a>) -> Self {
        Self { written, hands }
    }

    /// The address that it is to have, and the one that it has before.
    fn sides(&self, goal: Goal) -> (&str, &str) {
        let (from, to) = (self.written.from.as_str(), self.written.to.as_str());
        if goal == Goal::First { (from, to) } else { (to, from) }
    }

    /// What a server of the zone answers, in order.
    fn addresses(&self, server: &str) -> Result<Vec<String>, String> {
        let name = name(&self.written.name)?;
        let kind = kind(&self.written.from)?;
        let mut question = Message::query();
        question.add_query(Query::query(name, kind));
        let bytes = question.to_vec().map_err(|error| error.to_string())?;
        let answer = Message::from_vec(&exchange(server, &bytes)?).map_err(|e| e.to_string())?;
        if !answer.metadata.authoritative {
            return Err(format!("{server} does not answer for the zone {}", self.written.zone));
        }
        let mut found: Vec<String> = answer.answers.iter().filter_map(address).collect();
        found.sort();
        Ok(found)
    }

    fn servers(&self) -> Vec<&str> {
        let others = self.written.authoritative.iter().map(String::as_str);
        std::iter::once(self.written.server.as_str()).chain(others).collect()
    }

    /// Changes it from one address to another.
    fn change(&self, from: &str, to: &str) -> Result<(), String> {
        let (zone, server) = (name(&self.written.zone)?, &self.written.server);
        let (before, after) = (self.set(from)?, self.set(to)?);
        let mut update = compare_and_swap(before, after, zone, false);
        let mut verifier = None;
        if let (Some(key), Some(variable)) = (&self.written.key_name, &self.written.key_env) {
            let secret = self.hands.secret(variable)?;
            let secret = BASE64.decode(secret.trim().as_bytes());
            let secret = secret.map_err(|_| format!("the key in {variable} is not in Base64"))?;
            let signer = TSigner::new(secret, TsigAlgorithm::HmacSha256, name(key)?, FUDGE);
            let signer = signer.map_err(|error| error.to_string())?;
            let now = u64::try_from(SystemClock.now().unix()).unwrap_or_default();
            verifier = update.finalize(&signer, now).map_err(|error| error.to_string())?;
        }
        let bytes = update.to_vec().map_err(|error| error.to_string())?;
        let answer = exchange(server, &bytes)?;
        let code = Message::from_vec(&answer).map_err(|error| error.to_string())?;
        let code = code.metadata.response_code;
        if let Some(verifier) = &mut verifier
            && code == ResponseCode::NoError
        {
            let signed = verifier.verify(&answer);
            signed.map_err(|error| {
                format!("the answer of {server} is not signed by the key: {error}")
            })?;
        }
        match code {
            ResponseCode::NoError => Ok(()),
            ResponseCode::NXRRSet => {
                Err(format!("{} is not {from} any more: it was not changed", self.written.name))
            }
            ResponseCode::Refused | ResponseCode::NotAuth => {
                Err(format!("{server} refuses to change {}: {code}", self.written.name))
            }
            other => Err(format!("{server} did not change {}: {other}", self.written.name)),
        }
    }

    fn set(&self, address: &str) -> Result<RecordSet, String> {
        let data = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => RData::A(A(address)),
            Ok(IpAddr::V6(address)) => RData::AAAA(AAAA(address)),
            Err(_) => return Err(format!("`{address}` is no IP address")),
        };
        let name = name(&self.written.name)?;
        Ok(RecordSet::from(ResourceRecord::from_rdata(name, self.written.ttl_seconds, data)))
    }
}

fn name(text: &str) -> Result<Name, String> {
    let mut name = Name::from_str(text).map_err(|error| format!("`{text}` is no name: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn kind(address: &str) -> Result<RecordType, String> {
    let address: IpAddr = address.parse().map_err(|_| format!("`{address}` is no IP address"))?;
    Ok(if address.is_ipv4() { RecordType::A } else { RecordType::AAAA })
}

fn address(record: &ResourceRecord) -> Option<String> {
    match &record.data {
        RData::A(address) => Some(address.0.to_string()),
        RData::AAAA(address) => Some(address.0.to_string()),
        _ => None,
    }
}

/// Sends a message over TCP, and gives the answer to it.
fn exchange(server: &str, message: &[u8]) -> Result<Vec<u8>, String> {
    let fail =
        |error: std::io::Error| format!("the DNS server {server} cannot be reached: {error}");
    let place = server.to_socket_addrs().map_err(fail)?.next();
    let place = place.ok_or_else(|| format!("the DNS server {server} has no address"))?;
    let mut socket = TcpStream::connect_timeout(&place, ANSWER).map_err(fail)?;
    socket.set_read_timeout(Some(ANSWER)).map_err(fail)?;
    socket.set_write_timeout(Some(ANSWER)).map_err(fail)?;
    let length = u16::try_from(message.len()).map_err(|_| "the message is too long".to_owned())?;
    let framed = [&length.to_be_bytes()[..], message].concat();
    socket.write_all(&framed).map_err(fail)?;
    let mut length = [0; 2];
    socket.read_exact(&mut length).map_err(fail)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    socket.read_exact(&mut answer).map_err(fail)?;
    if answer.get(..2) != message.get(..2) {
        return Err(format!("the DNS server {server} answers another question"));
    }
    Ok(answer)
}

impl Switch for Record<'_> {
    fn look(&self) -> Result<String, String> {
        let (name, from) = (&self.written.name, &self.written.from);
        for server in self.servers() {
            let found = self.addresses(server)?;
            if found != [from.clone()] {
                return Err(format!(
                    "{server} answers {} for {name}, and not {from}",
                    told(&found)
                ));
            }
        }
        Ok(format!("{name} is {from}"))
    }

    fn next(&self, goal: Goal) -> Result<Option<Move>, String> {
        if matches!(goal, Goal::Drained | Goal::Level) {
            return Ok(None);
        }
        let (to, from) = self.sides(goal);
        let found = self.addresses(&self.written.server)?;
        let undo = format!("change {} back to {}", self.written.name, self.written.from);
        if found == [to.to_owned()] {
            Ok(None)
        } else if found == [from.to_owned()] {
            Ok(Some(Move { name: "update", undo }))
        } else {
            let (name, found) = (&self.written.name, told(&found));
            Err(format!("{name} is {found}, neither {from} nor {to}: it was not changed"))
        }
    }

    fn make(&self, goal: Goal, _: &str) -> Result<String, String> {
        let (to, from) = self.sides(goal);
        self.change(from, to)?;
        Ok(format!("{} is {to}", self.written.name))
    }

    fn prove(&self, goal: Goal) -> Result<String, String> {
        let (to, _) = self.sides(goal);
        let patience = self.written.timeout_seconds.map_or(PATIENCE, Duration::from_secs_f64);
        let watch = Stopwatch::start();
        for server in self.servers() {
            loop {
                let found = self.addresses(server);
                if found.as_deref() == Ok(&[to.to_owned()]) {
                    break;
                }
                if watch.elapsed() > patience {
                    let found = found.map_or_else(|error| error, |found| told(&found));
                    return Err(format!("{server} does not answer {to}: {found}"));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(format!("{} server(s) answer {to}", self.servers().len()))
    }

    fn tell(&self, goal: Goal) -> Vec<String> {
        if matches!(goal, Goal::Drained | Goal::Level | Goal::Paired) {
            return Vec::new();
        }
        let (to, from) = self.sides(goal);
        let (name, server) = (&self.written.name, &self.written.server);
        vec![
            format!("update {name} at {server} from {from} to {to}, if it is {from}"),
            format!("wait until {} answer {to}", self.servers().join(", ")),
        ]
    }

    fn by_hand(&self) -> String {
        let (name, server, from) = (&self.written.name, &self.written.server, &self.written.from);
        format!("set {name} to {from} at {server}, as with nsupdate")
    }
}

fn told(addresses: &[String]) -> String {
    if addresses.is_empty() { "nothing".to_owned() } else { addresses.join(", ") }
}
