//! Which story is lived with which library: one test for each pair.

use anyhow::Result;
use e2e::Library;

use super::{chat, day, finding, offline, presence, relations};

/// Names a module for each story, with a test for each library.
macro_rules! lived_with_every_library {
    ($($name:ident => $story:path;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn with_nio() -> Result<()> {
                $story(Library::Nio).await
            }

            #[tokio::test]
            async fn with_js_sdk() -> Result<()> {
                $story(Library::JsSdk).await
            }

            #[tokio::test]
            async fn with_js_sdk_in_chromium() -> Result<()> {
                $story(Library::Browser).await
            }
        }
    )*};
}

lived_with_every_library! {
    two_people_talk_in_a_direct_room => chat::direct_room;
    a_group_has_a_name_a_topic_and_members => chat::group;
    reactions_and_edits_change_what_was_said => relations::reactions_and_edits;
    what_relates_to_an_event_is_found => relations::related_events;
    a_thread_holds_its_answers => relations::threads;
    people_see_each_other_read_and_type => presence::receipts_and_typing;
    unread_messages_and_mentions_are_counted => presence::push_counts;
    a_room_is_found_in_its_space => finding::spaces;
    words_are_found_in_rooms => finding::search;
    a_picture_has_a_thumbnail => finding::thumbnails;
    a_day_is_lived_from_login_to_the_last_answer => day::a_day;
    who_was_offline_for_5000_events_misses_none => offline::catch_up;
}
