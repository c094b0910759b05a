//! How the stories of this binary begin, and the crash that several of them tell.

pub(crate) mod beside;
pub(crate) mod crash;
pub(crate) mod demo;
pub(crate) mod modern;
pub(crate) mod visitor;
