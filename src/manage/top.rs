//! `tidegate tunnel top`: the tunnels in the terminal, looked at again and again.
//!
//! `model` knows what is shown, `screen` draws it; here are the keys, the clock and the requests.

mod model;
mod screen;

use std::error::Error;
use std::io::{self, IsTerminal};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use serde_json::json;
use tokio::time::Instant;

use crate::api_client::{ApiError, ApiRequest, EXTENSIONS, ResourceId};
use crate::cli::TunnelTopOptions;
use crate::context::Context;
use crate::outcome::{CommandResult, Failure};
use crate::output::Output;

use self::model::{Grouping, Look, Row, Target, Tunnel};
use self::screen::Screen;

use super::session::Session;
use super::tunnels::{self, place};

/// The terminal in full-screen mode, which a drop restores, also when a signal ends the command.
struct FullScreen(DefaultTerminal);

impl Drop for FullScreen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// What a key asks for.
#[derive(Debug, PartialEq)]
enum Asked {
    Nothing,
    End,
    /// To close the target that was asked about.
    Close,
}

/// The state of the command between two events.
struct Top {
    screen: Screen,
    before: Option<Look>,
    now: Option<Look>,
    rows: Vec<Row>,
    /// What the question on the screen would close.
    asking: Option<Target>,
}

/// Runs until a person ends it.
///
/// # Errors
/// There is no terminal, or the first look fails.
pub(super) async fn run(options: &TunnelTopOptions) -> CommandResult {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::usage("this needs a terminal; `tidegate tunnel list` does not").into());
    }
    let session = Session { context: Context::select(&options.connection)?, output: Output::plain() };
    let gateways = tunnels::gateways(&session, options.gateway.gateway.as_deref()).await?;
    let mut top = Top { screen: Screen::default(), before: None, now: None, rows: Vec::new(), asking: None };
    top.screen.color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A condition that cannot be read is told before the screen is taken.
    top.see(look(&session, &gateways, options).await?);
    let mut terminal = FullScreen(ratatui::try_init()?);
    let mut events = EventStream::new();
    let mut pause = std::pin::pin!(tokio::time::sleep(options.interval));
    loop {
        top.draw(&mut terminal.0)?;
        tokio::select! {
            event = events.next() => match event {
                None => return Ok(()),
                Some(event) => match top.event(&event?) {
                    Asked::Nothing => {}
                    Asked::End => return Ok(()),
                    Asked::Close => {
                        let target = top.asking.take().unwrap_or_default();
                        top.screen.note = Some(close(&session, target).await);
                    }
                },
            },
            () = &mut pause => {
                match look(&session, &gateways, options).await {
                    Ok(seen) => top.see(seen),
                    // The next look may succeed, after a restart for example.
                    Err(error) => top.screen.note = Some(error.to_string()),
                }
                pause.set(tokio::time::sleep(options.interval));
            }
        }
    }
}

impl Top {
    fn see(&mut self, seen: Look) {
        self.before = self.now.replace(seen);
        self.arrange();
    }

    /// Computes the rows again, after a look or a key. The selection follows its row.
    fn arrange(&mut self) {
        let selected = self.screen.selection.selected().and_then(|selected| self.rows.get(selected)).cloned();
        if let Some(now) = &self.now {
            let Screen { grouping, order, text, .. } = &self.screen;
            self.rows = model::rows(self.before.as_ref(), now, *grouping, *order, text);
        }
        if let Some(selected) =
            selected.and_then(|row| self.rows.iter().position(|other| other.target == row.target))
        {
            self.screen.selection.select(Some(selected));
        }
    }

    fn draw(&mut self, terminal: &mut DefaultTerminal) -> Result<(), Box<dyn Error>> {
        terminal.draw(|frame| self.screen.draw(frame, self.now.as_ref(), &self.rows))?;
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Asked {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            // A new size is drawn by the next turn.
            _ => Asked::Nothing,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Asked {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Asked::End;
        }
        // An Esc that comes together with the next key looks like Alt.
        if key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::CONTROL) {
            return Asked::Nothing;
        }
        self.screen.note = None;
        if self.asking.is_some() {
            if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                return Asked::Close;
            }
            self.asking = None;
            return Asked::Nothing;
        }
        if self.screen.is_typing {
            match key.code {
                KeyCode::Enter => self.screen.is_typing = false,
                KeyCode::Esc => {
                    self.screen.is_typing = false;
                    self.screen.text.clear();
                }
                KeyCode::Backspace => {
                    self.screen.text.pop();
                }
                KeyCode::Char(c) => self.screen.text.push(c),
                _ => {}
            }
            self.arrange();
            return Asked::Nothing;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Asked::End,
            KeyCode::Char('g') | KeyCode::Tab => {
                self.screen.grouping = match self.screen.grouping {
                    Grouping::Routes => Grouping::Tunnels,
                    Grouping::Tunnels => Grouping::Routes,
                };
            }
            KeyCode::Char('s') => self.screen.order = self.screen.order.step(1),
            KeyCode::Char('S') => self.screen.order = self.screen.order.step(-1),
            KeyCode::Char('/') => self.screen.is_typing = true,
            KeyCode::Up | KeyCode::Char('k') => self.screen.selection.select_previous(),
            KeyCode::Down | KeyCode::Char('j') => self.screen.selection.select_next(),
            KeyCode::Home => self.screen.selection.select_first(),
            KeyCode::End => self.screen.selection.select_last(),
            KeyCode::Char('c') => self.ask(),
            _ => {}
        }
        self.arrange();
        Asked::Nothing
    }

    /// Asks about the selected row.
    fn ask(&mut self) {
        let Some(row) = self.screen.selection.selected().and_then(|selected| self.rows.get(selected)) else {
            return;
        };
        let what = match &row.target {
            Target::Nothing => return,
            Target::Tunnel { .. } => format!("the tunnel {}", row.texts[0]),
            Target::Route { .. } => format!("all tunnels of rule {} to pool {}", row.texts[2], row.texts[3]),
        };
        self.screen.note = Some(format!("Close {what}? y/n"));
        self.asking = Some(row.target.clone());
    }
}

/// Starts the closing of a target, and returns what the screen says then. The rows show its progress.
async fn close(session: &Session, target: Target) -> String {
    let sent = match target {
        Target::Nothing => return String::new(),
        Target::Tunnel { id } => session.api().send(&ApiRequest::post(format!("{id}/close"), None)).await,
        Target::Route { gateway, filter } => {
            let body = json!({"filter": filter});
            let path = format!("{gateway}/providers/{EXTENSIONS}/closeTunnels");
            session.api().send(&ApiRequest::post(path, Some(&body))).await
        }
    };
    match sent {
        Ok(_) => "closing".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Looks at the tunnels of all gateways.
async fn look(
    session: &Session,
    gateways: &[ResourceId],
    options: &TunnelTopOptions,
) -> Result<Look, ApiError> {
    let mut look = Look { at: Instant::now(), tunnels: Vec::new(), count: 0 };
    for gateway in gateways {
        let request = ApiRequest::get(place(gateway).to_string())
            .with("$top", options.top.to_string())
            .with("$count", "true")
            .with("$orderby", "idleForInSec");
        let request = match &options.filter {
            Some(filter) => request.with("$filter", filter.clone()),
            None => request,
        };
        let answer = session.api().send(&request).await?.body;
        let now = Timestamp::now();
        let rows = answer["value"].as_array().into_iter().flatten();
        look.tunnels.extend(rows.map(|row| Tunnel::read(row, &gateway.gateway, now)));
        look.count += answer["count"].as_u64().unwrap_or(0);
    }
    Ok(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top() -> Top {
        let mut top =
            Top { screen: Screen::default(), before: None, now: None, rows: Vec::new(), asking: None };
        let rows = ["a", "b"].map(|name| Row {
            texts: [name, "", "", ""].map(str::to_owned),
            target: Target::Tunnel { id: name.to_owned() },
            ..Row::default()
        });
        top.rows = rows.into();
        top.screen.selection.select(Some(0));
        top
    }

    fn press(top: &mut Top, keys: &str) -> Asked {
        let mut asked = Asked::Nothing;
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                key => KeyCode::Char(key),
            };
            asked = top.key(KeyEvent::new(code, KeyModifiers::NONE));
        }
        asked
    }

    #[test]
    fn keys_choose_and_nothing_is_closed_without_a_yes() {
        let mut top = top();
        assert_eq!(press(&mut top, "gs"), Asked::Nothing);
        assert_eq!((top.screen.grouping, top.screen.order), (Grouping::Tunnels, model::Order::Bytes));
        assert_eq!(press(&mut top, "c"), Asked::Nothing);
        assert_eq!(top.asking, Some(Target::Tunnel { id: "a".into() }));
        assert_eq!(press(&mut top, "n"), Asked::Nothing);
        assert_eq!(top.asking, None);
        assert_eq!(press(&mut top, "jcy"), Asked::Close);
        assert_eq!(top.asking, Some(Target::Tunnel { id: "b".into() }));
        top.asking = None;
        assert_eq!(press(&mut top, "/qs\n"), Asked::Nothing);
        assert_eq!(top.screen.text, "qs");
        assert_eq!(press(&mut top, "/x\x1b"), Asked::Nothing);
        assert_eq!(top.screen.text, "");
        assert_eq!(press(&mut top, "q"), Asked::End);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(top.key(control_c), Asked::End);
    }
}
