//! The command line for people: nouns and verbs, files, contexts, shells and terminals.

mod apply;
mod contexts;
mod events;
mod history;
mod import;
mod resources;
mod shells;
mod terminals;
mod tunnels;
