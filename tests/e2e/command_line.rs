//! The command line for people: nouns and verbs, files, contexts, shells and terminals.

mod apply;
mod backup;
mod contexts;
mod doctor;
mod events;
mod history;
mod import;
mod nested;
mod resources;
mod shells;
mod terminals;
mod tunnels;
