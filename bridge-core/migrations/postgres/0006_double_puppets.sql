-- Double puppets by people's own tokens.

-- A row is one Matrix person who lets the bridge act in their name, with a token of a session of theirs.
CREATE TABLE double_puppet (
    mxid       TEXT   NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL, -- the token: version, nonce, ciphertext
    created_at BIGINT NOT NULL
);
