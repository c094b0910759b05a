//! What is answered and asked, as JSON. Names and values are those of `/_matrix/provision/v3`; what is
//! Rialto's own is additional and says so.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::network::{BridgeState, LoginField, LoginFieldKind, LoginStep as Step, NewGroup};

/// A way to log in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Flow {
    /// What `login/start` takes.
    pub(super) id: String,
    /// For people.
    pub(super) name: String,
    /// When to choose it.
    pub(super) description: String,
    /// The network it logs in to (Rialto's own).
    pub(super) network: String,
}

/// All ways to log in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Flows {
    pub(super) flows: Vec<Flow>,
}

/// A network, or all networks of this program as one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NetworkBody {
    /// For people.
    pub(super) displayname: String,
    /// Its page.
    pub(super) network_url: String,
    /// Its picture, an `mxc` address, or empty.
    pub(super) network_icon: String,
    /// Its id in the configuration.
    pub(super) network_id: String,
    /// Which bridge this is.
    pub(super) beeper_bridge_type: String,
}

/// A login's health.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateBody {
    /// `CONNECTING`, `CONNECTED`, `TRANSIENT_DISCONNECT`, `BAD_CREDENTIALS`, `LOGGED_OUT` or `UNKNOWN_ERROR`.
    #[schema(value_type = String)]
    pub(super) state_event: crate::network::BridgeStateKind,
    /// When this was asked, Unix milliseconds.
    pub(super) timestamp: i64,
    /// What is wrong and what to do, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

impl StateBody {
    pub(super) fn new(state: &BridgeState, now: i64) -> Self {
        let message = (!state.message.is_empty()).then(|| state.message.clone());
        Self { state_event: state.kind, timestamp: now, message }
    }
}

/// How the remote account is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemoteProfile {
    /// Its name.
    pub(super) name: String,
}

/// One login.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginBody {
    /// Its health.
    pub(super) state: StateBody,
    /// Its id.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// The remote account.
    pub(super) profile: RemoteProfile,
    /// The network it belongs to (Rialto's own).
    pub(super) network: String,
}

/// The bridge, and the person who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Whoami {
    pub(super) network: NetworkBody,
    pub(super) login_flows: Vec<Flow>,
    /// The homeserver's name.
    pub(super) homeserver: String,
    /// The bot's user id.
    pub(super) bridge_bot: String,
    /// What stands before a command outside the direct room with the bot.
    pub(super) command_prefix: String,
    /// The direct room with the bot, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) management_room: Option<String>,
    pub(super) logins: Vec<LoginBody>,
    /// The person (Rialto's own).
    pub(super) user_id: String,
}

/// The ids of somebody's logins.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginIds {
    pub(super) login_ids: Vec<String>,
}

/// What a step wants of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepKind {
    UserInput,
    DisplayAndWait,
    Complete,
}

/// What happens next in a login.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct LoginStepBody {
    /// The process, for the next request.
    pub(super) login_id: String,
    #[serde(rename = "type")]
    pub(super) kind: StepKind,
    /// The step, for the next request.
    pub(super) step_id: String,
    /// Shown again, the same step is not done twice.
    pub(super) txn_id: String,
    /// What to do, in words.
    pub(super) instructions: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_input: Option<UserInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_and_wait: Option<Display>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) complete: Option<Complete>,
}

/// A form.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct UserInput {
    pub(super) fields: Vec<Field>,
}

/// One question of a form.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Field {
    /// The key in the answer.
    id: String,
    /// The label.
    name: String,
    /// Help in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// `username`, `password`, `phone_number`, `email`, `2fa_code`, `token`, `url`, `domain` or `select`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What may be chosen, for `select`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
    /// Whether it may be left out (Rialto's own).
    optional: bool,
}

impl From<LoginField> for Field {
    fn from(field: LoginField) -> Self {
        let LoginField { id, name, description, kind, optional } = field;
        let (kind, options) = match kind {
            LoginFieldKind::Username => ("username", Vec::new()),
            LoginFieldKind::Password => ("password", Vec::new()),
            LoginFieldKind::PhoneNumber => ("phone_number", Vec::new()),
            LoginFieldKind::Email => ("email", Vec::new()),
            LoginFieldKind::OneTimeCode => ("2fa_code", Vec::new()),
            LoginFieldKind::Token => ("token", Vec::new()),
            LoginFieldKind::Url => ("url", Vec::new()),
            LoginFieldKind::Domain => ("domain", Vec::new()),
            LoginFieldKind::Select(options) => ("select", options),
        };
        Self { id, name, description, kind, options, optional }
    }
}

/// Something to show while the network waits.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Display {
    /// `qr`, `code`, `emoji`, or `nothing`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// What is shown; for a QR code, its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
    /// The code as a picture, as a `data:` address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_url: Option<String>,
    /// An address to open (Rialto's own).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

/// The end of a login.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Complete {
    /// The new login.
    pub(super) user_login_id: String,
}

/// What a step shows, once [`Step::Complete`] is dealt with.
pub(super) fn shown(step: Step) -> (StepKind, String, Option<UserInput>, Option<Display>) {
    match step {
        Step::UserInput { instructions, fields } => {
            let fields = fields.into_iter().map(Field::from).collect();
            (StepKind::UserInput, instructions, Some(UserInput { fields }), None)
        }
        Step::DisplayAndWait { instructions, display, data } => {
            let image_url = (display == "qr").then(|| picture(&data)).flatten();
            let display = Display { kind: display, data: Some(data), image_url, url: None };
            (StepKind::DisplayAndWait, instructions, None, Some(display))
        }
        Step::OpenUrl { instructions, url } => {
            let instructions = format!("{instructions}\n{url}");
            let kind = "nothing".to_owned();
            let display = Display { kind, data: None, image_url: None, url: Some(url) };
            (StepKind::DisplayAndWait, instructions, None, Some(display))
        }
        Step::Complete { instructions, .. } => (StepKind::Complete, instructions, None, None),
    }
}

/// Draws a QR code; `None` where there is more in it than a code can hold.
fn picture(data: &str) -> Option<String> {
    let code = QrCode::new(data).ok()?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(256, 256).build();
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(drawn)))
}

/// A person on the network.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resolved {
    /// Their id there.
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Other names they can be found by, as addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identifiers: Vec<String>,
    /// The user id of their ghost.
    pub(super) mxid: String,
    /// The room of the conversation with them, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dm_room_mxid: Option<String>,
}

/// People one knows there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Contacts {
    pub(super) contacts: Vec<Resolved>,
}

/// Earlier messages are being brought.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackfillBegun {
    /// How many at most.
    pub(super) count: usize,
}

/// What was searched for.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SearchQuery {
    pub(super) query: String,
}

/// People who were found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchResults {
    pub(super) results: Vec<Resolved>,
}

/// A group to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct GroupParams {
    /// Its name.
    #[schema(value_type = Option<Object>)]
    name: Option<NameContent>,
    /// What it is about.
    #[schema(value_type = Option<Object>)]
    topic: Option<TopicContent>,
    /// Who is in it from the start: ids on the network.
    #[serde(default)]
    participants: Vec<String>,
}

/// As in `m.room.name`.
#[derive(Debug, Deserialize)]
struct NameContent {
    name: String,
}

/// As in `m.room.topic`.
#[derive(Debug, Deserialize)]
struct TopicContent {
    topic: String,
}

impl GroupParams {
    pub(super) fn into_group(self, kind: String) -> NewGroup {
        NewGroup {
            kind,
            name: self.name.map(|name| name.name),
            topic: self.topic.map(|topic| topic.topic),
            participants: self.participants,
        }
    }
}

/// A group that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedGroup {
    /// Its id on the network.
    pub(super) id: String,
    /// Its room.
    pub(super) mxid: String,
}

/// What can be asked about people and chats.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProvisioningCapabilities {
    pub(super) resolve_identifier: ResolveCapabilities,
    /// By kind of group.
    pub(super) group_creation: BTreeMap<String, GroupCapabilities>,
}

/// How people can be found.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ResolveCapabilities {
    /// By opening a conversation.
    pub(super) create_dm: bool,
    /// By their name on the network.
    pub(super) lookup_username: bool,
    pub(super) lookup_phone: bool,
    pub(super) lookup_email: bool,
    pub(super) contact_list: bool,
    pub(super) search: bool,
}

/// What a new group can be given.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupCapabilities {
    /// For people.
    pub(super) type_description: String,
}

/// Nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Empty {}
