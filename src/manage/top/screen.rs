//! The screen of `tidegate tunnel top`. It only draws what the model says.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Cell, Paragraph, Row as Line, Table, TableState};

use crate::manage::view;

use super::model::{Grouping, Look, Order, Row};

/// What a person has chosen, and what the screen says below the rows.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) grouping: Grouping,
    pub(super) order: Order,
    /// What a row must contain.
    pub(super) text: String,
    /// True while the text is typed.
    pub(super) is_typing: bool,
    /// A question that waits for an answer, or a message.
    pub(super) note: Option<String>,
    pub(super) selection: TableState,
    pub(super) color: bool,
}

impl Screen {
    /// Draws everything.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>, look: Option<&Look>, rows: &[Row]) {
        let [top, table, bottom] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
                .areas(frame.area());
        frame.render_widget(
            Paragraph::new(self.summary(look, rows)).style(self.style(None, Modifier::BOLD)),
            top,
        );
        let mut selection = self.selection;
        if rows.is_empty() {
            selection.select(None);
        } else if selection.selected().is_none_or(|selected| selected >= rows.len()) {
            let last = selection.selected().map_or(0, |selected| selected.min(rows.len() - 1));
            selection.select(Some(last));
        }
        let headings = match self.grouping {
            Grouping::Routes => {
                ["GATEWAY", "LISTENER", "RULE", "POOL", "TUNNELS", "MSG/S", "BYTES/S", "OLDEST", "IDLEST", ""]
            }
            Grouping::Tunnels => [
                "TUNNEL",
                "CLIENT",
                "HOST AND PATH",
                "MEMBER",
                "",
                "MSG/S",
                "BYTES/S",
                "AGE",
                "IDLE",
                "STATE",
            ],
        };
        // A narrow terminal has no place for everything; names matter more than the last columns.
        let wide = frame.area().width >= 100;
        let number = |width| if wide { Constraint::Length(width) } else { Constraint::Length(0) };
        let text = |part| if wide { Constraint::Fill(part) } else { Constraint::Length(0) };
        let widths = match self.grouping {
            Grouping::Routes => [
                Constraint::Fill(2),
                Constraint::Fill(2),
                Constraint::Fill(2),
                Constraint::Fill(2),
                Constraint::Length(8),
                Constraint::Length(9),
                number(9),
                number(8),
                Constraint::Length(8),
                Constraint::Length(0),
            ],
            Grouping::Tunnels => [
                Constraint::Fill(3),
                Constraint::Fill(2),
                Constraint::Fill(3),
                text(2),
                Constraint::Length(0),
                Constraint::Length(9),
                Constraint::Length(9),
                Constraint::Length(8),
                Constraint::Length(8),
                number(8),
            ],
        };
        let lines = rows.iter().map(|row| {
            let number =
                if self.grouping == Grouping::Routes { row.number.to_string() } else { String::new() };
            let [first, second, third, fourth] = row.texts.clone();
            let tone = if ["draining", "closing"].contains(&row.state.as_str()) {
                Some(Color::Yellow)
            } else {
                None
            };
            let cells = [
                first,
                second,
                third,
                fourth,
                number,
                format!("{:.1}", row.messages_per_second),
                view::bytes(row.bytes_per_second as u64),
                view::seconds(row.age),
                view::seconds(row.idle),
                row.state.clone(),
            ];
            // A control character of a path must not reach the terminal.
            let cells = cells.map(|text| Cell::from(text.replace(char::is_control, " ")));
            Line::new(cells).style(self.style(tone, Modifier::empty()))
        });
        let shown = Table::new(lines, widths)
            .header(Line::new(headings).style(self.style(Some(Color::Cyan), Modifier::BOLD)))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        frame.render_stateful_widget(shown, table, &mut selection);
        self.selection = selection;
        frame.render_widget(Paragraph::new(self.footer()), bottom);
    }

    fn summary(&self, look: Option<&Look>, rows: &[Row]) -> String {
        let Some(look) = look else { return "looking …".to_owned() };
        // The sum of nothing would be -0.
        let messages = rows.iter().fold(0.0, |sum, row| sum + row.messages_per_second);
        let bytes = rows.iter().fold(0.0, |sum, row| sum + row.bytes_per_second);
        let seen = look.tunnels.len() as u64;
        let part = if seen < look.count { format!(" ({seen} of them shown)") } else { String::new() };
        let filter = if self.text.is_empty() { String::new() } else { format!("   filter {}", self.text) };
        format!(
            "{} tunnels{part}   {messages:.1} messages/s   {}/s   by {}{filter}",
            look.count,
            view::bytes(bytes as u64),
            self.order.name()
        )
    }

    fn footer(&self) -> String {
        match (&self.note, self.is_typing) {
            (Some(note), _) => note.clone(),
            (None, true) => format!("/{}▏  Enter: keep   Esc: none", self.text),
            (None, false) => {
                "q quit   g routes/tunnels   s S order   / filter   ↑↓ select   c close".to_owned()
            }
        }
    }

    fn style(&self, color: Option<Color>, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        match color.filter(|_| self.color) {
            Some(color) => style.fg(color),
            None => style,
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use tokio::time::Instant;

    use super::*;

    fn drawn(screen: &mut Screen, rows: &[Row], (width, height): (u16, u16)) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let look = Look { at: Instant::now(), tunnels: Vec::new(), count: 7 };
        terminal.draw(|frame| screen.draw(frame, Some(&look), rows)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn rows_fit_any_size() {
        let texts = ["edge", "web", "all", "a-pool-with-a-long-name"].map(str::to_owned);
        let row = Row {
            texts,
            number: 3,
            messages_per_second: 1.5,
            bytes_per_second: 2048.0,
            age: 61,
            idle: 5,
            ..Row::default()
        };
        let rows = [row.clone(), row];
        let mut screen = Screen::default();
        let text = drawn(&mut screen, &rows, (180, 10));
        for part in [
            "7 tunnels",
            "3.0 messages/s",
            "GATEWAY",
            "a-pool-with-a-long-name",
            "1.5",
            "2.0 KiB",
            "1m 1s",
            "q quit",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        for size in [(1, 1), (20, 3), (80, 2), (300, 60)] {
            drawn(&mut screen, &rows, size);
        }
        assert_eq!(screen.selection.selected(), Some(0));
        drawn(&mut screen, &[], (80, 10));
        assert_eq!(screen.selection.selected(), None);
    }

    #[test]
    fn the_last_line_says_what_keys_do() {
        let mut screen = Screen { text: "app".to_owned(), is_typing: true, ..Screen::default() };
        assert!(drawn(&mut screen, &[], (80, 4)).contains("/app▏"));
        screen.note = Some("Close 3 tunnels? y/n".to_owned());
        assert!(drawn(&mut screen, &[], (80, 4)).contains("Close 3 tunnels? y/n"));
    }
}
