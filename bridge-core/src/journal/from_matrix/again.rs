//! Carrying an event again that was settled before, because a person asked for it. Its content was
//! wiped when it was settled, so the homeserver is asked for it; and what was carried of it then is
//! not carried twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::journal::{
    Journal,
    machine::OpenRow,
    plan::{Plan, PlanTrouble},
    row::Outcome,
    step::{NewStep, Step, StepState, StepWork},
};

const GONE: &str = "The homeserver does not have it any more; write it again.";
const FITS_NO_MORE: &str = "Parts of it were carried before, and it would be cut into other parts now. Write what is missing again.";

impl Journal {
    /// Plans a row that carries the event of a settled one again.
    pub(super) async fn plan_again(
        &self,
        open: &OpenRow,
        target: Option<i64>,
        first: i64,
    ) -> Result<Plan, PlanTrouble> {
        let (Some(room), Some(event_id)) = (&open.row.room_id, &open.row.event_id) else {
            return Ok(Plan::ignored("not an event"));
        };
        let Some(event) = self.parts.matrix.get_event(room, event_id).await? else {
            return Ok(Plan::Done {
                outcome: Outcome::Failed,
                reason: Some(GONE.to_owned()),
                report: true,
            });
        };
        if is_redacted(&event) {
            return Ok(Plan::ignored("taken back before it was carried again"));
        }
        let mut fetched = open.clone();
        fetched.row.payload = Some(event.to_string());
        let plan = self.route(&fetched, target).await?;
        let Plan::Steps(steps) = plan else { return Ok(plan) };
        let before = self.store.open_row(first).await?.map(|open| open.steps).unwrap_or_default();
        Ok(Plan::Steps(without_what_was_carried(steps, &before)))
    }
}

fn is_redacted(event: &Value) -> bool {
    let content = event.get("content").and_then(Value::as_object);
    event["unsigned"].get("redacted_because").is_some()
        || content.is_none_or(serde_json::Map::is_empty)
}

/// Leaves out, target by target, what was carried before. Where the parts are others now, nobody can
/// tell which are missing: then nothing is sent.
fn without_what_was_carried(steps: Vec<NewStep>, before: &[Step]) -> Vec<NewStep> {
    let mut targets: BTreeMap<i64, Vec<NewStep>> = BTreeMap::new();
    for step in steps {
        targets.entry(step.target()).or_default().push(step);
    }
    targets.into_values().flat_map(|target| rest_of(target, before)).collect()
}

fn rest_of(target: Vec<NewStep>, before: &[Step]) -> Vec<NewStep> {
    let portal = target.first().and_then(|step| step.portal_id);
    let before: Vec<&Step> = before.iter().filter(|step| step.portal_id == portal).collect();
    let is_open = |state| state == StepState::Queued;
    if !before.iter().any(|step| step.state == StepState::Sent)
        || !target.iter().all(|step| is_open(step.state))
    {
        return target;
    }
    let fits = target.len() == before.len()
        && target.iter().zip(&before).all(|(new, old)| new.operation == old.operation);
    if !fits {
        let refused = target.into_iter().take(1).map(|step| NewStep {
            state: StepState::Failed,
            work: StepWork::Nothing,
            reason: Some(FITS_NO_MORE.to_owned()),
            ..step
        });
        return refused.collect();
    }
    let rest = target.into_iter().zip(before).map(|(new, old)| match old.state {
        StepState::Sent => NewStep {
            state: StepState::Sent,
            work: StepWork::Nothing,
            remote_id: old.remote_id.clone(),
            reason: Some("carried before".to_owned()),
            ..new
        },
        _ => new,
    });
    rest.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{NetworkId, RemoteMessageId, SendKey};
    use crate::network::LostAnswer;

    fn part(portal: i64, step: i64) -> NewStep {
        NewStep {
            step,
            portal_id: Some(portal),
            network: Some(NetworkId::new("test")),
            login_id: None,
            room_id: None,
            operation: "message".to_owned(),
            work: StepWork::Nothing,
            lost_answer: LostAnswer::None,
            send_key: SendKey::new(format!("k{step}")),
            state: StepState::Queued,
            remote_id: None,
            part: 0,
            reason: None,
        }
    }

    fn ended(portal: i64, step: i64, state: StepState) -> Step {
        let remote_id = (state == StepState::Sent).then(|| RemoteMessageId::new("m1"));
        Step { state, remote_id, ..Step::stored(1, part(portal, step)) }
    }

    fn states(steps: &[NewStep]) -> Vec<StepState> {
        steps.iter().map(|step| step.state).collect()
    }

    #[test]
    fn what_was_carried_is_left_out_target_by_target() {
        use StepState::{Failed, Queued, Sent, Unknown};
        let before = [
            ended(1, 0, Sent),
            ended(1, 1, Failed),
            ended(1, 2, Failed),
            ended(2, 10_000, Unknown),
        ];
        let now = vec![part(1, 0), part(1, 1), part(1, 2), part(2, 10_000), part(3, 20_000)];
        let rest = without_what_was_carried(now, &before);
        assert_eq!(states(&rest), [Sent, Queued, Queued, Queued, Queued]);
        assert_eq!(rest[0].remote_id, Some(RemoteMessageId::new("m1")));
    }

    #[test]
    fn other_parts_than_before_are_not_guessed_at() {
        let before = [ended(1, 0, StepState::Sent), ended(1, 1, StepState::Failed)];
        let rest = without_what_was_carried(vec![part(1, 0)], &before);
        assert_eq!(states(&rest), [StepState::Failed]);
        assert!(rest[0].reason.as_deref().is_some_and(|words| words.contains("cut into other")));

        let nothing = [ended(1, 0, StepState::Failed), ended(1, 1, StepState::Failed)];
        let rest = without_what_was_carried(vec![part(1, 0)], &nothing);
        assert_eq!(states(&rest), [StepState::Queued]);
    }

    #[test]
    fn redacted_event_is_known_by_its_empty_content() {
        use serde_json::json;
        assert!(is_redacted(&json!({ "content": {} })));
        assert!(is_redacted(&json!({ "content": {"a": 1}, "unsigned": {"redacted_because": {}} })));
        assert!(!is_redacted(&json!({ "content": {"body": "x"}, "unsigned": {} })));
    }
}
