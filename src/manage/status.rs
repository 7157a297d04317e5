//! `tidegate status`: the whole picture on one screen.

use std::error::Error;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api_client::{ApiError, ApiRequest, ResourceId};
use crate::cli::{Format, StatusOptions};
use crate::outcome::{CommandResult, Exit};
use crate::output::{Cell, Table, Tone, line, painted};

use super::certificate::{self, CERTIFICATES, Validity};
use super::health::{self, MemberHealth};
use super::session::{Session, ids};
use super::{tunnels, view, workers};

/// The number of certificates up to which all are shown on the screen.
const MOST_CERTIFICATES: usize = 20;

/// Everything that is shown.
struct Picture {
    gateways: Vec<Value>,
    members: Vec<MemberHealth>,
    /// The number of open tunnels of each gateway; none if the control plane does not count them.
    tunnels: Vec<Option<u64>>,
    /// The workers and the failed gateways; none if the client may not see them.
    workers: Option<Value>,
    /// The workers as resources, with their load.
    fleet: Vec<Value>,
    not_enforced: Vec<Value>,
    now: Timestamp,
}

/// Runs the command.
///
/// # Errors
/// The control plane refuses, or cannot be reached.
pub(super) async fn run(options: &StatusOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let picture = Picture::take(&session).await?;
    match session.output.format {
        Format::Table => line(picture.render(&session)?.trim_end()),
        Format::Id => session.output.list(&picture.gateways, Table::default),
        Format::Json | Format::Yaml => session.output.document(&picture.to_json()),
    }
}

impl Picture {
    async fn take(session: &Session) -> Result<Picture, Box<dyn Error>> {
        let gateways = session.gateways().await?;
        let (mut members, mut tunnels) = (Vec::new(), Vec::new());
        for gateway in ids(&gateways) {
            // A control plane that is older than this command does not count them.
            tunnels.push(tunnels::count(session, &gateway, "").await.ok());
            members.extend(health::read(&health::report(session, &gateway).await?, &gateway.gateway));
        }
        let get = async |path: &str| match session.api().get(path).await {
            Ok(answer) => Ok(Some(answer.body)),
            // Workers need the scope of everything.
            Err(error) if error.exit() == Exit::Refused => Ok(None),
            Err(error) => Err::<_, ApiError>(error),
        };
        let not_enforced = session.api().list(&ApiRequest::get("/not-enforced")).await?;
        let fleet =
            get(workers::PLACE).await?.map(|list| list["value"].as_array().cloned().unwrap_or_default());
        let fleet = fleet.unwrap_or_default();
        Ok(Picture {
            gateways,
            members,
            tunnels,
            workers: get("/workers").await?,
            fleet,
            not_enforced,
            now: Timestamp::now(),
        })
    }

    fn render(&self, session: &Session) -> Result<String, Box<dyn Error>> {
        let (width, color) = (session.output.width, session.output.color);
        let mut text = format!(
            "{}  {}\n",
            painted(&session.context.name, Tone::Heading, color),
            session.api().endpoint()
        );
        let mut section = |title: &str, table: &Table| {
            if !table.is_empty() {
                text.push_str(&format!(
                    "\n{}\n{}",
                    painted(title, Tone::Heading, color),
                    table.render(width, color)
                ));
            }
        };
        section("Gateways", &self.gateways_table());
        section("Listeners", &self.listeners_table());
        let failing: Vec<MemberHealth> =
            self.members.iter().filter(|member| !member.is_up()).cloned().collect();
        section("Members that are not up", &health::table(&failing, self.gateways.len() > 1));
        section("Workers", &workers::table(&self.fleet));
        let (certificates, left_out) = self.certificates_table();
        section("Not enforced", &self.not_enforced_table());
        section("Certificates", &certificates);
        if left_out > 0 {
            text.push_str(&format!("and {left_out} that do not end soon: see `tidegate certificate list`\n"));
        }
        if self.gateways.is_empty() {
            text.push_str("\nThere is no gateway.\n");
        }
        Ok(text)
    }

    fn gateways_table(&self) -> Table {
        let mut table = Table::new(&[
            "GATEWAY",
            "RUNS",
            "STATE",
            "LISTENERS",
            "MEMBERS UP",
            "TUNNELS",
            "WORKERS",
            "REASON",
        ]);
        for (gateway, tunnels) in self.gateways.iter().zip(&self.tunnels) {
            let properties = &gateway["properties"];
            let name = gateway["name"].as_str().unwrap_or_default();
            let of_it = self.members.iter().filter(|member| member.gateway == name);
            let (up, all) =
                of_it.fold((0, 0), |(up, all), member| (up + usize::from(member.is_up()), all + 1));
            let members = Cell::new(format!("{up}/{all}"), if up == all { Tone::Good } else { Tone::Bad });
            let runs = properties["operationalState"].as_str().unwrap_or_default();
            let (running, connected) = self.workers_of(gateway);
            let workers = match self.workers {
                Some(_) => Cell::new(
                    format!("{running}/{connected}"),
                    if running == connected { Tone::Good } else { Tone::Warning },
                ),
                None => Cell::default(),
            };
            table.row([
                name.into(),
                Cell::new(runs, view::tone(runs)),
                view::state(gateway),
                properties["httpListeners"].as_array().map_or(0, Vec::len).to_string().into(),
                members,
                tunnels.map(|number| number.to_string()).unwrap_or_default().into(),
                workers,
                Cell::new(self.reason(gateway), Tone::Bad),
            ]);
        }
        table
    }

    /// Returns how many connected workers run a gateway, and how many are connected.
    fn workers_of(&self, gateway: &Value) -> (usize, usize) {
        let all = self.workers.as_ref().and_then(|workers| workers["value"].as_array());
        let connected = all.into_iter().flatten().filter(|worker| worker["connected"] == Value::Bool(true));
        connected.fold((0, 0), |(running, connected), worker| {
            let gateways = worker["gateways"].as_array();
            let runs =
                gateways.into_iter().flatten().any(|one| same_id(one, gateway) && one["generation"].is_u64());
            (running + usize::from(runs), connected + 1)
        })
    }

    /// Returns why a gateway has failed, if it has.
    fn reason(&self, gateway: &Value) -> String {
        let failed = self.workers.as_ref().and_then(|workers| workers["failed"].as_array());
        let failed = failed.into_iter().flatten().find(|failed| same_id(failed, gateway));
        failed.map(|failed| view::text(&failed["reason"])).unwrap_or_default()
    }

    fn listeners_table(&self) -> Table {
        let mut table = Table::new(&["LISTENER", "GATEWAY", "PROTOCOL", "FRONTEND", "PORT", "HOSTS"]);
        let several = self.gateways.len() > 1;
        for gateway in &self.gateways {
            let properties = &gateway["properties"];
            let named = |collection: &str, reference: &Value| {
                let name = view::text(reference);
                let all = properties[collection].as_array();
                all.into_iter()
                    .flatten()
                    .find(|one| one["name"] == name.as_str())
                    .cloned()
                    .unwrap_or(Value::Null)
            };
            for listener in properties["httpListeners"].as_array().into_iter().flatten() {
                let own = &listener["properties"];
                let port = named("frontendPorts", &own["frontendPort"]);
                let frontend = named("frontendIPConfigurations", &own["frontendIPConfiguration"]);
                let text = |name: &str| frontend["properties"][name].as_str().map(str::to_owned);
                let address = text("boundIPAddress").or_else(|| text("privateIPAddress"));
                let address = address.unwrap_or_else(|| view::text(&own["frontendIPConfiguration"]));
                let hosts = [&own["hostName"], &own["hostNames"]].map(view::text);
                let hosts: Vec<&str> =
                    hosts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
                table.row([
                    listener["name"].as_str().unwrap_or_default().into(),
                    if several { gateway["name"].as_str().unwrap_or_default() } else { "" }.into(),
                    view::text(&own["protocol"]).into(),
                    address.into(),
                    view::text(&port["properties"]["port"]).into(),
                    hosts.join(", ").into(),
                ]);
            }
        }
        table
    }

    /// Returns the certificates with their gateways, those that end first at the beginning.
    fn certificates(&self) -> Vec<(String, &Value, Validity)> {
        let mut all = Vec::new();
        for gateway in &self.gateways {
            for collection in CERTIFICATES {
                for one in gateway["properties"][collection].as_array().into_iter().flatten() {
                    let validity = certificate::validity(one);
                    all.extend(validity.map(|validity| (view::text(&gateway["name"]), one, validity)));
                }
            }
        }
        all.sort_by_key(|(_, _, validity)| validity.end);
        all
    }

    /// Returns the table of certificates, and the number of those that it leaves out because they are many and do not
    /// end soon.
    fn certificates_table(&self) -> (Table, usize) {
        let mut table = Table::new(&["CERTIFICATE", "GATEWAY", "AGE", "EXPIRES"]);
        let all = self.certificates();
        let is_shown =
            |number: usize, validity: &Validity| number < MOST_CERTIFICATES || validity.ends_soon(self.now);
        let mut left_out = 0;
        for (number, (gateway, one, validity)) in all.into_iter().enumerate() {
            if is_shown(number, &validity) {
                let name = view::text(&one["name"]);
                table.row([
                    name.into(),
                    gateway.into(),
                    validity.age_cell(self.now),
                    validity.end_cell(self.now),
                ]);
            } else {
                left_out += 1;
            }
        }
        (table, left_out)
    }

    fn not_enforced_table(&self) -> Table {
        let mut table = Table::new(&["RESOURCE", "TYPE", "REASON"]);
        for one in &self.not_enforced {
            let name = one["id"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
            table.row([name.into(), view::text(&one["type"]).into(), view::text(&one["reason"]).into()]);
        }
        table
    }

    fn to_json(&self) -> Value {
        let members = self.members.iter().filter(|member| !member.is_up()).map(|member| {
            json!({
                "gateway": member.gateway,
                "pool": member.pool,
                "settings": member.settings,
                "address": member.address,
                "health": member.health,
                "reason": member.reason,
            })
        });
        let certificates = self.certificates();
        let shown = |(_, one, validity): &(String, &Value, Validity)| {
            let Validity { begin, end } = validity;
            json!({"id": one["id"], "validFrom": begin.to_string(), "expiresAt": end.to_string()})
        };
        let ending = certificates.iter().filter(|(_, _, validity)| validity.ends_soon(self.now)).map(shown);
        json!({
            "gateways": self.gateways,
            "tunnels": self.tunnels,
            "membersNotUp": members.collect::<Vec<_>>(),
            "workers": self.fleet,
            "failed": self.workers.as_ref().map(|workers| &workers["failed"]),
            "certificates": certificates.iter().map(shown).collect::<Vec<_>>(),
            "certificatesEndingSoon": ending.collect::<Vec<_>>(),
            "notEnforced": self.not_enforced,
        })
    }
}

fn same_id(one: &Value, other: &Value) -> bool {
    let id = |value: &Value| value["id"].as_str().and_then(ResourceId::parse);
    id(one).is_some() && id(one) == id(other)
}
