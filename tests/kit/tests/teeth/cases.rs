//! The broken networks, and what each must be caught at.

use crate::faults::Fault;

/// One broken network.
pub(crate) struct Case {
    /// Its test.
    pub(crate) name: &'static str,
    /// What it does wrong.
    pub(crate) what: &'static str,
    pub(crate) fault: Fault,
    /// The checks it must fail, and words of the failure.
    pub(crate) fails: &'static [(&'static str, &'static str)],
}

const fn case(
    name: &'static str,
    what: &'static str,
    fault: Fault,
    fails: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, what, fault, fails }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(
            "drops_every_third_message",
            "loses every third piece of news",
            Fault::DropThird,
            &[("order_is_kept_to_matrix", "waited in vain")],
        ),
        case(
            "doubles_what_it_hears",
            "tells everything twice under two ids",
            Fault::Double,
            &[
                ("a_message_is_shown_once_on_matrix", "shown 2 times"),
                ("the_same_words_twice_are_two_messages", "taken for one"),
                ("news_the_network_repeats_is_shown_once", "doubled"),
            ],
        ),
        case(
            "swaps_neighbours",
            "tells the second of two things first",
            Fault::Swap,
            &[("order_is_kept_to_matrix", "out of order")],
        ),
        case(
            "hears_itself",
            "takes our own words for somebody's",
            Fault::Echo,
            &[("own_message_does_not_come_back", "our own words came back")],
        ),
        case(
            "acknowledges_before_it_stores",
            "moves its position on before what it heard is stored",
            Fault::AcknowledgeEarly,
            &[("crash_after_news_is_stored", "lost, doubled or out of order")],
        ),
        case(
            "claims_edits_and_sends_none",
            "says that it edits, and does nothing",
            Fault::LoseEdits,
            &[
                ("edit_from_matrix", "waited in vain for the changed message"),
                ("edit_of_an_edit_from_matrix", "waited in vain for the last version"),
            ],
        ),
        case(
            "claims_polls_it_cannot_plan",
            "declares polls it cannot carry",
            Fault::Claim,
            &[("poll_from_matrix", "it was not carried")],
        ),
        case(
            "speaks_with_anothers_account",
            "sends everything through whoever logged in first",
            Fault::LeakLogin,
            &[("each_login_speaks_as_itself", "somebody else's account")],
        ),
        case(
            "leaves_out_the_relayed_name",
            "passes the words of people without an account off as its own",
            Fault::HideRelayed,
            &[
                ("relay_names_the_speaker", "nobody there knows whose words they are"),
                ("relay_marks_a_borrowed_name", "passes for somebody else"),
            ],
        ),
        case(
            "mangles_markup",
            "sends tags as text and takes text for tags",
            Fault::Mangle,
            &[
                ("bold_from_matrix_is_bold_or_readable", "tags were sent as text"),
                ("bold_to_matrix_is_bold", "the markup is lost"),
            ],
        ),
        case(
            "cuts_long_texts",
            "sends the first piece of a long text only",
            Fault::Cut,
            &[("long_text_crosses_whole_from_matrix", "another text came")],
        ),
        case(
            "shouts",
            "changes letters on their way",
            Fault::Shout,
            &[("every_letter_crosses_to_matrix", "waited in vain")],
        ),
        case(
            "ignores_limits",
            "gives up when the network asks it to wait",
            Fault::IgnoreLimit,
            &[("a_limit_is_waited_out", "it was not carried")],
        ),
        case(
            "swallows_refusals",
            "says that what was refused has arrived",
            Fault::SwallowErrors,
            &[
                ("a_refused_message_is_told_in_words", "it was said to be carried"),
                ("missing_file_from_matrix_is_told", "it was said to be carried"),
            ],
        ),
        case(
            "sends_again_under_a_new_key",
            "claims a key, and takes a new one for each attempt",
            Fault::NewKeys,
            &[
                ("a_lost_answer_doubles_nothing", "it came 2 times"),
                ("crash_after_a_send", "\"here 0\" came"),
            ],
        ),
        case(
            "forgets_its_logins",
            "cannot read its own logins after a restart",
            Fault::ForgetLogins,
            &[("login_and_room_survive_a_restart", "waited in vain")],
        ),
        case(
            "takes_any_name",
            "lets wrong answers log in",
            Fault::TakeAnyName,
            &[("wrong_login_is_refused_in_words", "wrong answers log in")],
        ),
        case(
            "mixes_up_chats",
            "tells everything of the first chat it saw",
            Fault::MixChats,
            &[("chats_are_kept_apart", "waited in vain")],
        ),
        case(
            "gives_everything_one_voice",
            "says that everything was said by the same person",
            Fault::OneVoice,
            &[("remote_people_are_told_apart", "who said")],
        ),
        case(
            "loses_answers_to_messages",
            "forgets what a message answers",
            Fault::LoseReplies,
            &[
                ("reply_from_matrix", "it answers something else"),
                ("reply_to_matrix", "it answers something else"),
            ],
        ),
        case(
            "breaks_files",
            "loses the end of every file",
            Fault::BreakFiles,
            &[
                ("image_to_matrix", "other bytes came"),
                ("file_is_sent_to_matrix", "other bytes came"),
            ],
        ),
        case(
            "plans_by_dice",
            "plans the same thing differently each time",
            Fault::Dice,
            &[("planning_again_gives_the_same_plan", "came out differently")],
        ),
        case(
            "holds_up_all_chats",
            "sends to one chat at a time",
            Fault::OneAtATime,
            &[("a_slow_chat_holds_up_no_other", "waited in vain")],
        ),
        case(
            "never_says_it_is_away",
            "calls itself connected whatever happens",
            Fault::AlwaysConnected,
            &[
                ("it_reconnects_by_itself", "a network that is away is called connected"),
                ("a_lost_account_is_told_and_not_tried_for_ever", "is not noticed"),
            ],
        ),
        case(
            "loses_redactions",
            "does not tell what was taken back",
            Fault::LoseRedactions,
            &[("redaction_to_matrix", "waited in vain for the redaction")],
        ),
        case(
            "claims_pins_and_sets_none",
            "says that it pins, and does nothing",
            Fault::LosePins,
            &[("pin_from_matrix", "waited in vain for the pinned message")],
        ),
        case(
            "names_no_rooms",
            "says that it names and bans, and does nothing",
            Fault::LoseState,
            &[
                ("name_from_matrix", "waited in vain for the name"),
                ("topic_from_matrix", "waited in vain for the topic"),
                ("topic_that_is_set_back_to_matrix", "waited in vain for the other topic"),
                ("invitation_from_matrix", "waited in vain for carol's invitation"),
                ("ban_from_matrix", "waited in vain for carol to be gone"),
            ],
        ),
        case(
            "shows_bans_as_removals",
            "tells of a ban as if somebody could come back",
            Fault::SoftenBans,
            &[
                ("ban_to_matrix", "waited in vain for carol's ban"),
                ("lifted_ban_to_matrix", "waited in vain for carol's ban"),
            ],
        ),
        case(
            "loses_parts",
            "shows the first file of several",
            Fault::LoseParts,
            &[("album_to_matrix", "waited in vain for the last picture")],
        ),
        case(
            "doubles_reactions",
            "sets each reaction twice",
            Fault::DoubleReactions,
            &[("reaction_from_matrix", "left")],
        ),
        case(
            "loses_contacts",
            "sends a contact as its name",
            Fault::LoseContacts,
            &[("contact_to_matrix", "waited in vain for bob's contact")],
        ),
        case(
            "claims_timers_and_sets_none",
            "says that messages disappear, and does nothing",
            Fault::LoseTimers,
            &[("disappearing_timer_from_matrix", "waited in vain for the timer")],
        ),
        case(
            "keeps_deliveries_to_itself",
            "does not tell whom a message has reached",
            Fault::LoseDeliveries,
            &[("delivery_to_matrix", "waited in vain for alice to be told")],
        ),
        case(
            "loses_pictures",
            "says that it sets the picture, and does nothing",
            Fault::LosePictures,
            &[("picture_from_matrix", "waited in vain for the picture")],
        ),
        case(
            "reacts_without_pictures",
            "tells the name of a picture and not the picture",
            Fault::NamelessReactions,
            &[("own_picture_reaction_to_matrix", "it has no name")],
        ),
        case(
            "takes_renamed_people_for_others",
            "tells of a new id as if it were a name somebody else may take",
            Fault::NewPeople,
            &[("person_with_a_new_id_stays_the_same", "somebody else came")],
        ),
        case(
            "takes_moved_chats_for_others",
            "does not tell that a chat has another id",
            Fault::NewChats,
            &[("chat_with_a_new_id_keeps_its_room", "waited in vain for words from the new place")],
        ),
        case(
            "never_lifts_a_ban",
            "does not tell that somebody may come back",
            Fault::KeepBans,
            &[("lifted_ban_to_matrix", "waited in vain for carol's ban to be lifted")],
        ),
        case(
            "loses_invitations",
            "does not tell who is asked in",
            Fault::LoseInvitations,
            &[("invitation_to_matrix", "waited in vain for erin's invitation")],
        ),
        case(
            "claims_commands_and_takes_none",
            "says that it takes commands, and does nothing",
            Fault::LoseCommands,
            &[("command_from_matrix", "waited in vain for what the command does")],
        ),
    ]
}
