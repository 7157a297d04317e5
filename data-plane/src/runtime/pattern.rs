//! The regular expressions of rewrite rules, with a time budget that holds for every expression and text.
//!
//! The expression comes from a contributor and the text from any client, and a data thread serves every gateway. The
//! crate `regex` bounds a search only by the product of both sizes, which can take a second. So this module uses the
//! engines of `regex_automata`, whose work can be counted: a lazy DFA, which pays for each transition when it
//! computes it, and engines for capture groups, which pay in advance.
//!
//! A step of a [`SearchBudget`] stands for 10 ns. The costs of the engines' operations were measured in an
//! optimised build on a 3 GHz core: no expression and text took more than 12 ns of CPU time per step.

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

/// The budget of all searches for one request and its response, in steps: less than 5 ms of a data thread.
const STEPS: usize = 400_000;

/// The minimum cost of computing a transition, in steps.
const TRANSITION: usize = 32;

/// The number of NFA states that are skipped per step while a transition is computed: unreachable states are visited
/// only where others lead to them.
const STATES_PER_STEP: usize = 32;

/// The number of bytes that a search scans per step when all transitions are known: a byte takes 2 ns.
const BYTES_PER_STEP: usize = 4;

/// The number of bytes that a one-pass DFA scans per step: it also records where groups begin and end.
const ONE_PASS_BYTES_PER_STEP: usize = 2;

/// The fixed cost of a search, in steps: a lock and the start state.
const SEARCH: usize = 12;

/// The maximum size of a lazy DFA's cache, in bytes. Each concurrent search with an expression has a cache.
const SEARCH_MEMORY: usize = 256 * 1024;

/// The maximum size of an expression's one-pass DFA, in bytes.
const ONE_PASS_MEMORY: usize = 64 * 1024;

/// The memory of a lazy DFA state besides its transitions and its set of NFA states, in bytes.
const STATE_OVERHEAD: usize = 36;

/// The budget of a request is used up.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the rewrite conditions exceed the search budget")]
pub(crate) struct Exhausted;

/// The remaining budget of the searches for one request.
#[derive(Debug)]
pub(crate) struct SearchBudget(Cell<usize>);

impl Default for SearchBudget {
    fn default() -> SearchBudget {
        SearchBudget(Cell::new(STEPS))
    }
}

impl SearchBudget {
    /// Spends steps. After the first failure, every further call fails unless it spends 0 steps.
    fn spend(&self, steps: usize) -> Result<(), Exhausted> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(Exhausted)
    }
}

/// The reason why an expression cannot be compiled.
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
    /// The number of NFA states.
    states: usize,
    /// The minimum memory of a lazy DFA state, in bytes.
    row: usize,
    groups: Option<GroupSearch>,
    /// The idle caches: at most one for each search that ever ran at the same time.
    caches: Mutex<Vec<Caches>>,
}

/// The mutable state of a search.
#[derive(Debug)]
struct Caches {
    dfa: dfa::Cache,
    /// The size in bytes of the set of NFA states that each lazy DFA state represents. A set has at least one byte
    /// for each NFA state, and computing a transition visits all of them. Cleared whenever the lazy DFA clears its
    /// cache.
    sets: HashMap<LazyStateID, usize>,
    one_pass: Option<onepass::Cache>,
    backtrack: Option<backtrack::Cache>,
    pike: Option<pikevm::Cache>,
}

/// The engines that find the capture groups of a match.
#[derive(Debug)]
struct GroupSearch {
    states: usize,
    slots: usize,
    /// Present if the expression is one-pass: each byte determines how the match continues.
    one_pass: Option<onepass::DFA>,
    backtrack: BoundedBacktracker,
    pike: PikeVM,
}

/// The positions of the capture groups of a match.
#[derive(Debug)]
pub(crate) struct Groups(Vec<Option<NonMaxUsize>>);

impl Groups {
    /// Returns start and end of a group; `None` if it is not part of the match.
    pub(crate) fn get(&self, group: usize) -> Option<(usize, usize)> {
        let at = |slot: usize| self.0.get(slot).copied().flatten().map(NonMaxUsize::get);
        Some((at(group.checked_mul(2)?)?, at(group.checked_mul(2)?.checked_add(1)?)?))
    }
}

impl Matcher {
    /// Compiles an expression. Without `groups`, [`Matcher::find`] returns no groups.
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

    /// Returns true if the text contains a match.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn is_match(&self, text: &[u8], budget: &SearchBudget) -> Result<bool, Exhausted> {
        self.with_caches(|caches| self.walk(caches, text, budget))
    }

    /// Returns the groups of the first match.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn find(&self, text: &[u8], budget: &SearchBudget) -> Result<Option<Groups>, Exhausted> {
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
    fn walk(&self, caches: &mut Caches, text: &[u8], budget: &SearchBudget) -> Result<bool, Exhausted> {
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
                // The lazy DFA reports a match one byte after its end.
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

    /// Lets the lazy DFA compute a state, and pays for it if the state is new.
    fn compute(
        &self,
        caches: &mut Caches,
        budget: &SearchBudget,
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

    /// Searches where the lazy DFA gives up: at a Unicode word boundary beside a byte that is not ASCII.
    fn walk_slowly(&self, text: &[u8], budget: &SearchBudget) -> Result<bool, Exhausted> {
        budget.spend(self.states.saturating_mul(text.len() + 1))?;
        let pike = PikeVM::new_from_nfa(self.dfa.get_nfa().clone()).map_err(|_| Exhausted)?;
        Ok(pike.is_match(&mut pike.create_cache(), Input::new(text)))
    }
}

impl GroupSearch {
    fn new(nfa: NFA) -> Result<GroupSearch, PatternError> {
        let one_pass = nfa.is_always_start_anchored().then(|| {
            let config = onepass::DFA::config().size_limit(Some(ONE_PASS_MEMORY));
            // Most expressions are not one-pass, and some that are exceed the size limit.
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

    /// Returns the groups of the first match in a text that contains one.
    fn find(&self, caches: &mut Caches, text: &[u8], budget: &SearchBudget) -> Result<Groups, Exhausted> {
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

/// Compiles with the rules of `regex::bytes`: texts need not be UTF-8, and classes are Unicode classes.
fn compile(pattern: &Pattern, captures: WhichCaptures) -> Result<NFA, PatternError> {
    let syntax = syntax::Config::new().utf8(false).case_insensitive(pattern.ignore_case);
    // The control plane has already checked the size. Twice its limit never rejects an expression that it accepted.
    let size = Some(2 * Pattern::SIZE_LIMIT);
    let config = thompson::Config::new().utf8(false).nfa_size_limit(size).which_captures(captures);
    Ok(thompson::Compiler::new().syntax(syntax).configure(config).build(&pattern.text)?)
}

#[cfg(test)]
mod tests;
