//! Regular expressions of rewrite rules, searched within a budget that holds whatever the expression and the text.
//!
//! The expression is a contributor's and the text is any client's, and a data thread serves every gateway. The crate
//! `regex` bounds the time of a search by the product of both sizes, which may be a second. Here the engines under it
//! are used, whose work can be counted: a lazy DFA, whose transitions are paid for one by one as they are worked out,
//! and an engine for groups, which is paid for beforehand.
//!
//! A step of a [`Budget`] stands for 10 ns. What each operation of an engine costs in steps has been measured with
//! optimisation on a 3 GHz core: no expression and no text took more than 12 ns of CPU time for a step.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use regex_automata::dfa::onepass;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use thiserror::Error;
use tidegate_shared::snapshot::Pattern;

/// What all searches for one request and its response may take, in steps: less than 5 ms of a data thread.
const STEPS: usize = 400_000;

/// What it takes at least to work a transition out, in steps.
const TRANSITION: usize = 32;

/// How many states of the expression are passed over in a step while a transition is worked out: those that a text
/// cannot be in are looked at only where others lead through them.
const STATES_PER_STEP: usize = 32;

/// How many bytes a search passes over in a step where all transitions are known: one takes 2 ns.
const BYTES_PER_STEP: usize = 4;

/// How many bytes a one-pass DFA passes over in a step: it writes down where groups begin and end.
const ONE_PASS_BYTES_PER_STEP: usize = 2;

/// What a search takes beside its text, in steps: a lock, and the state in which it starts.
const SEARCH: usize = 12;

/// The most memory that one thread may spend on searching with one expression faster, in bytes.
const SEARCH_MEMORY: usize = 256 * 1024;

/// The most memory of an expression's one-pass DFA, in bytes.
const ONE_PASS_MEMORY: usize = 64 * 1024;

/// What the lazy DFA keeps for a state besides its transitions and the set of the expression's states, in bytes.
const STATE_OVERHEAD: usize = 36;

/// The searches for one request have taken as many steps as they may.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the searches of rewrite conditions take too long")]
pub(crate) struct Exhausted;

/// What the searches for one request may still take.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Budget {
        Budget(Cell::new(STEPS))
    }
}

impl Budget {
    /// Pays for steps. Nothing can be paid any more once something could not be paid.
    fn spend(&self, steps: usize) -> Result<(), Exhausted> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(Exhausted)
    }
}

/// An expression that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum PatternError {
    #[error(transparent)]
    Nfa(Box<thompson::BuildError>),
    #[error(transparent)]
    Dfa(Box<regex_automata::hybrid::BuildError>),
}

impl From<thompson::BuildError> for PatternError {
    fn from(error: thompson::BuildError) -> PatternError {
        PatternError::Nfa(Box::new(error))
    }
}

impl From<regex_automata::hybrid::BuildError> for PatternError {
    fn from(error: regex_automata::hybrid::BuildError) -> PatternError {
        PatternError::Dfa(Box::new(error))
    }
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Matcher {
    dfa: DFA,
    /// Of the expression, the text's place left aside.
    states: usize,
    /// What one state of the lazy DFA takes at least, in bytes.
    row: usize,
    groups: Option<GroupSearch>,
    /// Those that no search uses just now: as many as searches have gone on at once.
    caches: Mutex<Vec<Caches>>,
}

/// What a search needs to write to.
#[derive(Debug)]
struct Caches {
    dfa: dfa::Cache,
    /// How many bytes the set of the expression's states takes that a state of the lazy DFA stands for: at least one
    /// for each, all of which are looked at to work a transition out. Forgotten when the lazy DFA forgets the states.
    sets: HashMap<LazyStateID, usize>,
    one_pass: Option<onepass::Cache>,
    backtrack: Option<backtrack::Cache>,
    pike: Option<pikevm::Cache>,
}

/// What finds the groups of a match.
#[derive(Debug)]
struct GroupSearch {
    states: usize,
    slots: usize,
    /// Where the text alone decides at each byte which way the match goes.
    one_pass: Option<onepass::DFA>,
    backtrack: BoundedBacktracker,
    pike: PikeVM,
}

/// Where the groups of a match are in the text.
#[derive(Debug)]
pub(crate) struct Groups(Vec<Option<NonMaxUsize>>);

impl Groups {
    /// Begin and end of a group; none if it is not part of the match.
    pub(crate) fn get(&self, group: usize) -> Option<(usize, usize)> {
        let at = |slot: usize| self.0.get(slot).copied().flatten().map(NonMaxUsize::get);
        Some((at(group.checked_mul(2)?)?, at(group.checked_mul(2)?.checked_add(1)?)?))
    }
}

impl Matcher {
    /// Compiles an expression; `groups` says whether [`Matcher::find`] will be asked for them.
    pub(crate) fn new(pattern: &Pattern, groups: bool) -> Result<Matcher, PatternError> {
        let nfa = compile(pattern, WhichCaptures::None)?;
        let config = DFA::config()
            .cache_capacity(SEARCH_MEMORY)
            .skip_cache_capacity_check(true)
            .unicode_word_boundary(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa)?;
        let row = dfa.byte_classes().alphabet_len().next_power_of_two() * size_of::<LazyStateID>();
        let groups = groups.then(|| GroupSearch::new(compile(pattern, WhichCaptures::All)?)).transpose()?;
        let states = dfa.get_nfa().states().len();
        Ok(Matcher { dfa, states, row: row + STATE_OVERHEAD, groups, caches: Mutex::default() })
    }

    /// Whether the text holds a match.
    ///
    /// # Errors
    /// That the budget does not allow to find out.
    pub(crate) fn is_match(&self, text: &[u8], budget: &Budget) -> Result<bool, Exhausted> {
        self.with_caches(|caches| self.walk(caches, text, budget))
    }

    /// The groups of the first match.
    ///
    /// # Errors
    /// That the budget does not allow to find them.
    pub(crate) fn find(&self, text: &[u8], budget: &Budget) -> Result<Option<Groups>, Exhausted> {
        self.with_caches(|caches| {
            if !self.walk(caches, text, budget)? {
                return Ok(None);
            }
            match &self.groups {
                Some(search) => search.find(caches, text, budget).map(Some),
                None => Ok(Some(Groups(Vec::new()))),
            }
        })
    }

    fn with_caches<T>(&self, search: impl FnOnce(&mut Caches) -> T) -> T {
        let lock = || self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = lock().pop();
        let mut caches = unused.unwrap_or_else(|| Caches {
            dfa: self.dfa.create_cache(),
            sets: HashMap::new(),
            one_pass: None,
            backtrack: None,
            pike: None,
        });
        let found = search(&mut caches);
        lock().push(caches);
        found
    }

    /// Runs the lazy DFA over the text.
    fn walk(&self, caches: &mut Caches, text: &[u8], budget: &Budget) -> Result<bool, Exhausted> {
        budget.spend(SEARCH + text.len() / BYTES_PER_STEP)?;
        let started = self
            .compute(caches, budget, |dfa, cache| dfa.start_state_forward(cache, &Input::new(text)).ok())?;
        let Some(mut state) = started else { return self.walk_slowly(text, budget) };
        if state.is_dead() {
            return Ok(false);
        }
        for byte in text {
            let mut next = self.dfa.next_state_untagged(&caches.dfa, state, *byte);
            if next.is_tagged() {
                if next.is_unknown() {
                    budget.spend(self.transition_cost(caches, state))?;
                    let computed =
                        self.compute(caches, budget, |dfa, cache| dfa.next_state(cache, state, *byte).ok())?;
                    next = computed.ok_or(Exhausted)?;
                }
                // A match is seen one byte after its end.
                if next.is_match() {
                    return Ok(true);
                }
                if next.is_dead() {
                    return Ok(false);
                }
                if next.is_quit() {
                    return self.walk_slowly(text, budget);
                }
            }
            state = next;
        }
        let end = self.compute(caches, budget, |dfa, cache| dfa.next_eoi_state(cache, state).ok())?;
        Ok(end.ok_or(Exhausted)?.is_match())
    }

    fn transition_cost(&self, caches: &Caches, from: LazyStateID) -> usize {
        let set = caches.sets.get(&from).copied().unwrap_or(self.states);
        TRANSITION + self.states / STATES_PER_STEP + set
    }

    /// Has the lazy DFA work out what may be new, and pays for it where it is a state of its own.
    fn compute(
        &self,
        caches: &mut Caches,
        budget: &Budget,
        work: impl FnOnce(&DFA, &mut dfa::Cache) -> Option<LazyStateID>,
    ) -> Result<Option<LazyStateID>, Exhausted> {
        let (size, clears) = (caches.dfa.memory_usage(), caches.dfa.clear_count());
        let state = work(&self.dfa, &mut caches.dfa);
        if caches.dfa.clear_count() != clears {
            caches.sets.clear();
        }
        let grown = caches.dfa.memory_usage().saturating_sub(size);
        if let (Some(state), Some(set)) = (state, grown.checked_sub(self.row)) {
            caches.sets.insert(state, set);
            budget.spend(set)?;
        }
        Ok(state)
    }

    /// For what the lazy DFA has no answer to: a Unicode word boundary beside a byte that is not ASCII.
    fn walk_slowly(&self, text: &[u8], budget: &Budget) -> Result<bool, Exhausted> {
        budget.spend(self.states.saturating_mul(text.len() + 1))?;
        let pike = PikeVM::new_from_nfa(self.dfa.get_nfa().clone()).map_err(|_| Exhausted)?;
        Ok(pike.is_match(&mut pike.create_cache(), Input::new(text)))
    }
}

impl GroupSearch {
    fn new(nfa: NFA) -> Result<GroupSearch, PatternError> {
        let one_pass = nfa.is_always_start_anchored().then(|| {
            let config = onepass::DFA::config().size_limit(Some(ONE_PASS_MEMORY));
            // Most expressions are not one-pass; the others may be too large.
            onepass::DFA::builder().configure(config).build_from_nfa(nfa.clone()).ok()
        });
        Ok(GroupSearch {
            states: nfa.states().len(),
            slots: nfa.group_info().slot_len(),
            one_pass: one_pass.flatten(),
            backtrack: BoundedBacktracker::new_from_nfa(nfa.clone())?,
            pike: PikeVM::new_from_nfa(nfa)?,
        })
    }

    /// The groups of the first match in a text that holds one.
    fn find(&self, caches: &mut Caches, text: &[u8], budget: &Budget) -> Result<Groups, Exhausted> {
        let mut slots = vec![None; self.slots];
        let input = Input::new(text);
        if let Some(dfa) = &self.one_pass {
            budget.spend(SEARCH + text.len() / ONE_PASS_BYTES_PER_STEP)?;
            let cache = caches.one_pass.get_or_insert_with(|| dfa.create_cache());
            // It fails only for an input that is not anchored.
            let _ = dfa.try_search_slots(cache, &input.anchored(Anchored::Yes), &mut slots);
            return Ok(Groups(slots));
        }
        budget.spend(self.states.saturating_mul(text.len() + 1))?;
        if text.len() <= self.backtrack.max_haystack_len() {
            let cache = caches.backtrack.get_or_insert_with(|| self.backtrack.create_cache());
            // It fails only for a text that is too long.
            let _ = self.backtrack.try_search_slots(cache, &input, &mut slots);
        } else {
            let cache = caches.pike.get_or_insert_with(|| self.pike.create_cache());
            self.pike.search_slots(cache, &input, &mut slots);
        }
        Ok(Groups(slots))
    }
}

/// As `regex::bytes` reads expressions: texts need not be UTF-8, classes are Unicode's.
fn compile(pattern: &Pattern, captures: WhichCaptures) -> Result<NFA, PatternError> {
    let syntax = syntax::Config::new().utf8(false).case_insensitive(pattern.ignore_case);
    // Twice what the control plane allows, which has measured it: nothing that it lets pass is refused here.
    let size = Some(2 * Pattern::SIZE_LIMIT);
    let config = thompson::Config::new().utf8(false).nfa_size_limit(size).which_captures(captures);
    Ok(thompson::Compiler::new().syntax(syntax).configure(config).build(&pattern.text)?)
}

#[cfg(test)]
mod tests;
