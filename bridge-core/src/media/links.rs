//! Signed links: whoever has one may open the file until it expires or the message it came with is
//! taken back. The signature says that we made it; the table says that it is still good.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use support_db::{DbError, Tx, params};
use url::Url;

use super::Media;
use crate::jobs::job;

/// What the signing key is derived with: a key of its own for each use.
const PURPOSE: &[u8] = b"rialto: links to media, version 1";

const NOTE: &str = "INSERT INTO media_link (id, mxc, room_id, event_id, filename, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT mxc, filename, expires_at FROM media_link
    WHERE id = $1 AND NOT revoked";
const EXPIRES: &str = "SELECT expires_at FROM media_link WHERE id = $1";
const REVOKE: &str = "UPDATE media_link SET revoked = TRUE WHERE event_id = $1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[NOTE, FIND, EXPIRES, REVOKE];

/// A file that is to be linked to.
#[derive(Clone, Debug)]
pub(crate) struct NewLink {
    /// The file.
    pub(crate) mxc: String,
    /// The room.
    pub(crate) room_id: String,
    /// The event that shows it.
    pub(crate) event_id: String,
    /// Its name.
    pub(crate) filename: String,
    /// Until when, Unix milliseconds.
    pub(crate) expires_at: i64,
}

/// A file a good link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) mxc: String,
    pub(super) filename: String,
}

/// Signs and checks.
pub(super) struct Signer {
    key: hmac::Key,
    base: Url,
}

impl Signer {
    pub(super) fn new(sealing_key: &[u8; 32], base: Url) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, sealing_key);
        let derived = hmac::sign(&master, PURPOSE);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), base }
    }

    /// Names a link: the same for the same file of the same event, whenever it is planned.
    fn id(&self, link: &NewLink) -> String {
        let mut named = hmac::Context::with_key(&self.key);
        for field in ["id", &link.event_id, &link.mxc] {
            named.update(&(field.len() as u64).to_be_bytes());
            named.update(field.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(&named.sign().as_ref()[..15])
    }

    fn signed(id: &str, expires_at: i64) -> Vec<u8> {
        format!("link\n{id}\n{expires_at}").into_bytes()
    }

    fn signature(&self, id: &str, expires_at: i64) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &Self::signed(id, expires_at)))
    }

    /// Whether we made this link; compared in constant time.
    pub(super) fn is_ours(&self, id: &str, expires_at: i64, signature: &str) -> bool {
        let Ok(shown) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        hmac::verify(&self.key, &Self::signed(id, expires_at), &shown).is_ok()
    }

    fn address(&self, id: &str, expires_at: i64, filename: &str) -> String {
        let mut url = self.base.clone();
        let signature = self.signature(id, expires_at);
        if let Ok(mut path) = url.path_segments_mut() {
            let until = expires_at.to_string();
            path.pop_if_empty();
            path.extend(["_rialto", "media", id, &until, &signature, filename]);
        }
        url.into()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Media {
    /// Makes a link and notes it; the same again for the same file of the same event. `None` where
    /// the world cannot reach us.
    pub(crate) async fn link(&self, link: NewLink) -> Result<Option<String>, DbError> {
        let Some(signer) = &self.0.signer else { return Ok(None) };
        let id = signer.id(&link);
        let noted = (id.clone(), link.clone());
        let expires_at = self
            .0
            .db
            .write(job(move |tx| {
                let (id, link) = noted.clone();
                Box::pin(async move {
                    let params = params![
                        id.as_str(),
                        link.mxc.as_str(),
                        link.room_id.as_str(),
                        link.event_id.as_str(),
                        link.filename.as_str(),
                        link.expires_at,
                    ];
                    tx.execute(NOTE, params).await?;
                    let row = tx.fetch_one(EXPIRES, params![id.as_str()]).await?;
                    row.get::<i64>("expires_at")
                })
            }))
            .await?;
        Ok(Some(signer.address(&id, expires_at, &link.filename)))
    }

    /// Returns the file a link leads to, if it is a good one.
    pub(super) async fn follow(
        &self,
        id: &str,
        expires_at: i64,
        signature: &str,
    ) -> Result<Option<Linked>, DbError> {
        let Some(signer) = &self.0.signer else { return Ok(None) };
        if !signer.is_ours(id, expires_at, signature) || self.0.clock.now_ms() >= expires_at {
            return Ok(None);
        }
        let Some(row) = self.0.db.fetch_optional(FIND, params![id]).await? else {
            return Ok(None);
        };
        if row.get::<i64>("expires_at")? != expires_at {
            return Ok(None);
        }
        Ok(Some(Linked { mxc: row.get("mxc")?, filename: row.get("filename")? }))
    }
}

/// Takes the links of an event back, in the commit that accepts its redaction.
pub(crate) async fn revoke(tx: &mut Tx, event_id: &str) -> Result<(), DbError> {
    tx.execute(REVOKE, params![event_id]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(key: u8) -> Signer {
        let base = Url::parse("https://m.example.org/").expect("an address");
        Signer::new(&[key; 32], base)
    }

    #[test]
    fn a_link_is_good_as_it_was_made_and_not_otherwise() {
        let signer = signer(1);
        let signature = signer.signature("abc", 1000);
        assert!(signer.is_ours("abc", 1000, &signature));
        assert!(!signer.is_ours("abc", 1001, &signature));
        assert!(!signer.is_ours("abd", 1000, &signature));
        assert!(!signer.is_ours("abc", 1000, &signature[1..]));
        assert!(!signer.is_ours("abc", 1000, "not base64!"));
        assert!(!super::tests::signer(2).is_ours("abc", 1000, &signature));
    }

    #[test]
    fn a_file_name_is_no_path() {
        let address = signer(1).address("abc", 1000, "../x y/z?.png");
        assert!(address.starts_with("https://m.example.org/_rialto/media/abc/1000/"), "{address}");
        assert!(address.ends_with("/..%2Fx%20y%2Fz%3F.png"), "{address}");
    }
}
