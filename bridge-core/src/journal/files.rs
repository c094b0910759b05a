//! Files on their way: from a network to the homeserver, and as links towards networks that carry
//! text only.

use std::borrow::Cow;

use support_db::DbError;

use super::{
    Journal,
    from_matrix::Event,
    machine::OpenRow,
    plan::PlanTrouble,
    step::{MatrixCall, Step, StepState},
    to_matrix::content,
};
use crate::{
    ids::LoginId,
    matrix::MatrixOutcome,
    media::{NetworkFile, NewLink, file_name},
    network::{MediaRef, MessageContent, NetworkClient, Operation},
    portals::{Portal, RoomStep, RoomStepKind},
};

/// How often a network is asked for one file, some minutes long, before the message goes on without.
const MOST_ATTEMPTS: i64 = 20;

impl Journal {
    /// Fetches a file from the network and brings it to the homeserver. The "event" it becomes is
    /// the file's address.
    pub(super) async fn bring_file(
        &self,
        step: &Step,
        sender: &str,
        login: &LoginId,
        media: &MediaRef,
    ) -> MatrixOutcome {
        let (Some(client), Some(network)) = (self.parts.logins.client(login), &step.network) else {
            return MatrixOutcome::Refused {
                errcode: "M_NOT_FOUND".to_owned(),
                words: "the account that heard of this file was logged out".to_owned(),
            };
        };
        let last_attempt = step.attempts >= MOST_ATTEMPTS;
        let file = NetworkFile { network, client: &*client, media, sender, last_attempt };
        MatrixOutcome::from(self.parts.media.bring(&file).await)
    }

    /// Puts what became of an event's file into it: its address and what it really is, or words where
    /// it could not be brought. `None` while that is open.
    pub(super) async fn with_its_file<'c>(
        &self,
        open: &OpenRow,
        call: &'c MatrixCall,
    ) -> Result<Option<Cow<'c, MatrixCall>>, DbError> {
        let MatrixCall::Event { file: Some(file), .. } = call else {
            return Ok(Some(Cow::Borrowed(call)));
        };
        let Some(upload) = open.steps.iter().find(|step| step.step == *file) else {
            return Ok(None);
        };
        let mut call = call.clone();
        let MatrixCall::Event { content, event_type, .. } = &mut call else { return Ok(None) };
        match &upload.event_id {
            Some(address) => {
                let known = self.parts.media.brought(address).await?;
                content::show_file(content, address, known.as_ref());
            }
            None if upload.state == StepState::Failed => {
                let reason = upload.reason.as_deref().unwrap_or("it is not there");
                content::tell_of_file(content, reason);
                if event_type == "m.sticker" {
                    *event_type = "m.room.message".to_owned();
                }
            }
            None => return Ok(None),
        }
        Ok(Some(Cow::Owned(call)))
    }

    /// Puts the address of its picture into a change of a room. `None` where it could not be brought.
    pub(super) fn with_its_picture(
        open: &OpenRow,
        room_step: &RoomStep,
        file: Option<i64>,
    ) -> Option<RoomStep> {
        let mut room_step = room_step.clone();
        if let Some(file) = file {
            let upload = open.steps.iter().find(|step| step.step == file)?;
            let address = upload.event_id.clone()?;
            if let RoomStepKind::Avatar { url, .. } = &mut room_step.kind {
                *url = Some(address);
            }
        }
        Some(room_step)
    }

    /// Makes what is known of a message's file true: its size as the homeserver counts it, where the
    /// network would take it, and a link to it.
    pub(super) async fn describe_file(
        &self,
        event: &Event,
        content: &mut MessageContent,
        portal: &Portal,
        client: &dyn NetworkClient,
    ) -> Result<(), PlanTrouble> {
        let kind = content.kind;
        let Some(media) = &mut content.media else { return Ok(()) };
        media.link = self.link_to(event, media, portal).await?;
        let capabilities = client.capabilities(&portal.key);
        let carried =
            capabilities.level(Operation::Message(kind)) >= crate::network::Level::Partial;
        if let Some(mxc) = media.locator.as_str().filter(|_| carried)
            && let Some(size) = self.parts.media.measure(mxc).await?
        {
            media.size = Some(size);
        }
        Ok(())
    }

    /// Returns a signed link to a file somebody has sent.
    async fn link_to(
        &self,
        event: &Event,
        media: &MediaRef,
        portal: &Portal,
    ) -> Result<Option<String>, PlanTrouble> {
        let Some(mxc) = media.locator.as_str() else { return Ok(None) };
        let hours = self.parts.networks.policy(&portal.key.network).media_link_hours;
        let lasts = i64::try_from(hours.saturating_mul(3_600_000)).unwrap_or(i64::MAX);
        let link = NewLink {
            mxc: mxc.to_owned(),
            room_id: event.room.clone(),
            event_id: event.id.clone(),
            filename: file_name(media),
            expires_at: self.now().saturating_add(lasts),
        };
        Ok(self.parts.media.link(link).await?)
    }
}
