//! The catalogue: every check by its name, once. The macro and the table of functions are both made
//! of it, so neither can lack one.

use std::fmt;

use futures_util::future::BoxFuture;

use super::checks;
use super::stage::Stage;
use super::verdict::Shown;

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name, which is its test's.
    pub name: &'static str,
    /// What it is about: the file it stands in.
    pub group: &'static str,
    run: fn(Stage) -> BoxFuture<'static, Shown>,
}

impl Check {
    /// Plays it. A bridge that does not keep what is asked for makes it panic.
    pub async fn run(&self, stage: Stage) -> Shown {
        (self.run)(stage).await
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns every check, in the order of the catalogue.
pub fn catalogue() -> &'static [Check] {
    CATALOGUE
}

/// Returns a check by its name.
pub fn find(name: &str) -> Option<&'static Check> {
    CATALOGUE.iter().find(|check| check.name == name)
}

crate::conformance_catalogue!(table);

/// Hands the catalogue to what is to be made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_catalogue {
    ($($use:tt)+) => {
        $crate::conformance_items! { [$($use)+]
            messages {
                text_from_matrix
                notice_from_matrix
                emote_from_matrix
                image_from_matrix
                video_from_matrix
                audio_from_matrix
                voice_from_matrix
                file_is_sent_from_matrix
                sticker_from_matrix
                location_from_matrix
                contact_from_matrix
                unknown_kind_from_matrix_is_read_as_text
                unknown_event_from_matrix_is_told
                empty_text_from_matrix_is_refused
                missing_file_from_matrix_is_told
                text_to_matrix
                notice_to_matrix
                emote_to_matrix
                image_to_matrix
                video_to_matrix
                audio_to_matrix
                voice_to_matrix
                file_is_sent_to_matrix
                sticker_to_matrix
                location_to_matrix
                contact_to_matrix
                album_to_matrix
                caption_crosses_with_its_file
                forgotten_file_is_told_to_the_room
            }
            formatting {
                every_letter_crosses_from_matrix
                every_letter_crosses_to_matrix
                plain_text_from_matrix_is_no_markup
                plain_text_to_matrix_is_no_markup
                several_lines_cross_from_matrix
                several_lines_cross_to_matrix
                long_text_crosses_whole_from_matrix
                bold_from_matrix_is_bold_or_readable
                bold_to_matrix_is_bold
                mention_from_matrix
                mention_to_matrix
            }
            changes {
                reply_from_matrix
                reply_to_matrix
                edit_from_matrix
                edit_of_an_edit_from_matrix
                edit_to_matrix
                edit_of_something_unknown_is_told
                redaction_from_matrix
                redaction_to_matrix
                redaction_before_it_is_sent_sends_nothing
                reaction_from_matrix
                reaction_removal_from_matrix
                reaction_to_matrix
                reaction_removal_to_matrix
                same_reaction_again_is_shown_once
                own_picture_reaction_from_matrix
                own_picture_reaction_to_matrix
                thread_from_matrix
                thread_to_matrix
                poll_from_matrix
                poll_to_matrix
                pin_from_matrix
                pin_to_matrix
                command_from_matrix
            }
            room {
                topic_from_matrix
                topic_to_matrix
                name_from_matrix
                name_to_matrix
                rank_from_matrix
                rank_to_matrix
                coming_to_matrix
                going_to_matrix
                removal_to_matrix
                ban_to_matrix
                removal_from_matrix
                ban_from_matrix
                call_to_matrix
                end_of_the_chat_to_matrix
                typing_from_matrix
                typing_to_matrix
                read_mark_from_matrix
                read_mark_to_matrix
            }
            chat {
                picture_from_matrix
                picture_to_matrix
                topic_that_is_set_back_to_matrix
                disappearing_timer_from_matrix
                disappearing_timer_to_matrix
                delivery_to_matrix
                invitation_from_matrix
                invitation_to_matrix
                lifted_ban_from_matrix
                lifted_ban_to_matrix
                knock_to_matrix
                end_of_the_chat_from_matrix
                call_from_matrix
                person_with_a_new_id_stays_the_same
                chat_with_a_new_id_keeps_its_room
            }
            lanes {
                order_is_kept_from_matrix
                order_is_kept_to_matrix
                order_survives_slow_files
                chats_are_kept_apart
                a_slow_chat_holds_up_no_other
                a_message_is_carried_once_from_matrix
                a_message_is_shown_once_on_matrix
                the_same_words_twice_are_two_messages
                own_message_does_not_come_back
                own_message_from_another_client_is_ones_own
                news_that_is_told_again_is_shown_once
                a_rough_homeserver_loses_and_doubles_nothing
                both_ways_at_once
            }
            crashes {
                crash_before_news_is_stored
                crash_after_news_is_stored
                crash_before_a_send
                crash_after_a_send
                crash_after_a_transaction_is_taken_in
                crash_between_calls_to_the_homeserver
                crash_while_changes_are_sent
                crash_while_reactions_come
                crash_while_a_room_is_made
                clean_restart_loses_nothing
                login_and_room_survive_a_restart
            }
            trouble {
                a_lost_answer_doubles_nothing
                a_refused_message_is_told_in_words
                a_limit_is_waited_out
                messages_wait_while_the_network_is_away
                it_reconnects_by_itself
                what_was_said_meanwhile_comes_or_is_a_gap
                a_lost_account_is_told_and_not_tried_for_ever
                a_slow_network_keeps_everything_in_order
                a_line_that_keeps_dropping_loses_nothing
                news_the_network_repeats_is_shown_once
                news_the_network_disorders_is_put_right
                limits_again_and_again_lose_nothing
                answers_lost_again_and_again_double_nothing
            }
            people {
                remote_people_are_told_apart
                each_login_speaks_as_itself
                two_logins_see_each_message_once
                relay_names_the_speaker
                relay_marks_a_borrowed_name
                linked_rooms_hear_each_other_once
            }
            logins {
                login_names_the_account
                login_asks_for_what_is_missing
                wrong_login_is_refused_in_words
                unknown_login_field_is_named
                login_can_be_cancelled
                logging_in_again_is_the_same_login
                logout_ends_it
                logging_in_after_logging_out_works
                joining_again_is_the_same_room
                joining_without_a_login_says_so
                joining_nonsense_is_refused_in_words
                help_names_the_network
            }
            facts {
                the_capability_table_is_data
                planning_again_gives_the_same_plan
                steps_are_data_and_say_how_lost_answers_are_found
                news_is_data_and_says_whose_it_is
                every_message_has_a_status
                a_bridged_event_names_its_message
                the_room_says_what_it_mirrors
                the_room_says_what_its_chat_can_do
                a_message_has_the_networks_time
            }
            history {
                earlier_messages_are_brought
                earlier_messages_and_news_are_there_once
                earlier_messages_are_whole_over_a_crash
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_items {
    ([table] $($group:ident { $($name:ident)* })*) => {
        static CATALOGUE: &[Check] = &[
            $($(Check {
                name: stringify!($name),
                group: stringify!($group),
                run: |stage| Box::pin(checks::$group::$name(stage)),
            },)*)*
        ];
    };
    ([tests $harness:ty] $($group:ident { $($name:ident)* })*) => {
        $($(
            #[test]
            fn $name() {
                $crate::conformance::run::<$harness>(env!("CARGO_PKG_NAME"), stringify!($name));
            }
        )*)*
    };
    ([only $harness:ty; $wanted:ident] $($group:ident { $($name:ident)* })*) => {
        $($crate::conformance_group! { $wanted $group [tests $harness] $group { $($name)* } })*
    };
}

/// Hands on a group if it is the wanted one: macros compare words only by being written for each.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_group {
    (messages messages $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (formatting formatting $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (changes changes $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (chat chat $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (room room $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (lanes lanes $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (crashes crashes $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (trouble trouble $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (people people $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (logins logins $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (facts facts $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    (history history $($rest:tt)*) => { $crate::conformance_items! { $($rest)* } };
    ($wanted:ident $group:ident $($rest:tt)*) => {};
}

/// Expands to one test per check of the catalogue, against the network of a
/// [`Harness`](crate::conformance::Harness). A bridge that plays everything on one server plays only
/// some groups on a further one: `bridge_conformance!(Harness, only changes room)`.
#[macro_export]
macro_rules! bridge_conformance {
    ($harness:ty, only $($group:ident)+) => {
        $($crate::conformance_catalogue!(only $harness; $group);)+
    };
    ($harness:ty) => {
        $crate::conformance_catalogue!(tests $harness);
    };
}
