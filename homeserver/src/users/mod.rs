//! People: accounts, passwords, devices, access tokens, profiles, filters and account data.
