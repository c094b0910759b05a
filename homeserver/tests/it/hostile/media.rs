//! Files: ids that are paths, files that are not there or too large, thumbnails of what cannot be drawn.

use super::{
    row::{Row, Who::*, get, post, put},
    world::LARGEST_UPLOAD,
};

const DOWNLOAD: &str = "/_matrix/client/v1/media/download";
const THUMBNAIL: &str = "/_matrix/client/v1/media/thumbnail";
const UPLOAD: &str = "/_matrix/media/v3/upload";

pub(super) fn rows() -> Vec<Row> {
    let fetch = |name, place: &str| get(name, Bob, format!("{DOWNLOAD}/{place}"));
    let small =
        |name, place: &str, query: &str| get(name, Bob, format!("{THUMBNAIL}/{place}?{query}"));
    let square = "width=96&height=96";
    let too_large = usize::try_from(LARGEST_UPLOAD).unwrap() + 1;
    vec![
        fetch("a file that is not there", "hs.test/nothing").is(404, "M_NOT_FOUND"),
        fetch("a file id that goes up", "hs.test/..%2f..%2fsigning.key").is(404, "M_NOT_FOUND"),
        fetch("a file id that goes up, all escaped", "hs.test/%2e%2e%2f%2e%2e%2fhomeserver.db")
            .is(404, "M_NOT_FOUND"),
        fetch("a file id that goes up, escaped twice", "hs.test/%252e%252e%252fsigning.key")
            .is(404, "M_NOT_FOUND"),
        fetch("a file id that goes up with backslashes", "hs.test/..%5c..%5csigning.key")
            .is(404, "M_NOT_FOUND"),
        fetch("a file id that is two dots", "hs.test/..").is(404, "M_NOT_FOUND"),
        fetch("a file id that is a whole path", "hs.test/%2fetc%2fpasswd").is(404, "M_NOT_FOUND"),
        fetch("a server name that goes up", "..%2f..%2fmedia/nothing").is(404, "M_NOT_FOUND"),
        fetch("NUL in a file id", "hs.test/a%00.png").is(404, "M_NOT_FOUND"),
        fetch("bad UTF-8 in a file id", "hs.test/%ff%fe").is(400, "M_INVALID_PARAM"),
        fetch("a file id of 5,000 characters", &format!("hs.test/{}", "a".repeat(5000)))
            .is(404, "M_NOT_FOUND"),
        fetch("a file of another server", "other.test/nothing").is(404, "M_NOT_FOUND"),
        fetch("a patience for a file that is no number", "{picture}?timeout_ms=soon")
            .is(400, "M_INVALID_PARAM"),
        fetch("a patience for a file that is negative", "{picture}?timeout_ms=-1")
            .is(400, "M_INVALID_PARAM"),
        fetch("a file that has not come yet", "{announced}?timeout_ms=1")
            .is(504, "M_NOT_YET_UPLOADED"),
        get("a file without a token", Nobody, format!("{DOWNLOAD}/{{picture}}"))
            .is(401, "M_MISSING_TOKEN"),
        get("a file by the old address", Nobody, "/_matrix/media/v3/download/{picture}")
            .is(404, "M_NOT_FOUND"),
        get(
            "a thumbnail by the old address",
            Alice,
            "/_matrix/media/r0/thumbnail/{picture}?width=9&height=9",
        )
        .is(404, "M_NOT_FOUND"),
        small("a thumbnail of no width", "{picture}", "height=96").is(400, "M_MISSING_PARAM"),
        small("a thumbnail of width 0", "{picture}", "width=0&height=96")
            .is(400, "M_INVALID_PARAM"),
        small("a thumbnail of negative height", "{picture}", "width=96&height=-96")
            .is(400, "M_INVALID_PARAM"),
        small("a thumbnail beyond all numbers", "{picture}", "width=99999999999&height=96")
            .is(400, "M_INVALID_PARAM"),
        small(
            "a thumbnail by a method nobody knows",
            "{picture}",
            "width=96&height=96&method=melt",
        )
        .is(400, "M_INVALID_PARAM"),
        small("a thumbnail of what is not there", "hs.test/..%2fnothing", square)
            .is(404, "M_NOT_FOUND"),
        small("a picture that promises 3,600 million pixels", "{bomb}", square)
            .is(413, "M_TOO_LARGE"),
        small("a picture that promises one line of 2^31 pixels", "{line}", square)
            .is(413, "M_TOO_LARGE"),
        small("a picture that breaks off", "{half}", square).is(400, "M_UNKNOWN"),
        small("an animation that breaks off", "{half_gif}", square).is(400, "M_UNKNOWN"),
        small("an animation of 65,535 by 65,535", "{gif_bomb}", square).is(413, "M_TOO_LARGE"),
        small("a page that says it is a picture", "{page}", square).is(400, "M_UNKNOWN"),
        small("a drawing in SVG", "{svg}", square).is(400, "M_UNKNOWN"),
        small("a picture of no bytes", "{empty}", square).is(400, "M_UNKNOWN"),
        small("a head of a picture and nothing else", "{head}", square).is(400, "M_UNKNOWN"),
        small("a picture with a wrong checksum", "{checksum}", square).is(400, "M_UNKNOWN"),
        post("a file without anybody", Nobody, UPLOAD).raw("hello").is(401, "M_MISSING_TOKEN"),
        post("a file over the limit", Bob, UPLOAD)
            .raw("x".repeat(too_large))
            .is(413, "M_TOO_LARGE"),
        put("somebody else's announced file", Bob, "/_matrix/media/v3/upload/{announced}")
            .raw("hello")
            .is(403, "M_FORBIDDEN"),
        put("a file that is there already", Alice, "/_matrix/media/v3/upload/{picture}")
            .raw("other")
            .is(409, "M_CANNOT_OVERWRITE_MEDIA"),
        put("a file nobody announced", Alice, "/_matrix/media/v3/upload/hs.test/nothing")
            .raw("x")
            .is(404, "M_NOT_FOUND"),
        put("an announced file of another server", Alice, "/_matrix/media/v3/upload/other.test/x")
            .raw("x")
            .is(404, "M_NOT_FOUND"),
        put("an announced file over the limit", Alice, "/_matrix/media/v3/upload/{announced}")
            .raw("x".repeat(too_large))
            .is(413, "M_TOO_LARGE"),
    ]
}
