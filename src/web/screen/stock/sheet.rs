//! Sheets that come with a form: read from the browser, and carried from one page to the next as text.

use axum::extract::Multipart;
use banto_channel::both;

use crate::domain::catalogue::CountLine;
use crate::web::screen::Fault;

/// A form with a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Upload {
    /// The file's name, for the audit.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Code of a location.
    pub at: String,
    /// The box that was ticked, if it was.
    pub ticked: bool,
}

impl Upload {
    /// Reads a form with the fields `file`, `at` and `tick`.
    pub(super) async fn read(mut form: Multipart) -> Result<Self, Fault> {
        let broken = |_| {
            Fault::bad_input(both!(
                "The file did not arrive whole; send it again. Nothing was changed",
                "ファイルを受信できませんでした。もう一度送信してください。何も変更されていません"
            ))
        };
        let mut upload = Self::default();
        while let Some(field) = form.next_field().await.map_err(broken)? {
            match field.name() {
                Some("file") => {
                    upload.name = field.file_name().unwrap_or("sheet.csv").chars().take(120).collect();
                    upload.bytes = field.bytes().await.map_err(broken)?.to_vec();
                }
                Some("at") => upload.at = field.text().await.map_err(broken)?,
                Some("tick") => upload.ticked = true,
                _ => {}
            }
        }
        if upload.bytes.is_empty() {
            return Err(Fault::bad_input(both!("Choose a file first", "ファイルを選択してください")));
        }
        Ok(upload)
    }
}

/// A stocktake's lines as a sheet, so that a page can carry them to the next.
pub(super) fn written(lines: &[CountLine]) -> String {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = sheet.write_record(["line", "code", "JAN", "location", "counted"]);
    for line in lines {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (number, counted) = (line.line.to_string(), line.counted.to_string());
        let _ =
            sheet.write_record([number, text(&line.code), text(&line.gtin), text(&line.location), counted]);
    }
    sheet.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// What [`written`] wrote; a record that somebody changed on the way is left out.
pub(super) fn read(text: &str) -> Vec<CountLine> {
    let mut sheet = csv::Reader::from_reader(text.as_bytes());
    let line = |record: csv::StringRecord| {
        let text = |at: usize| record.get(at).filter(|value| !value.is_empty()).map(str::to_owned);
        Some(CountLine {
            line: record.get(0)?.parse().ok()?,
            code: text(1),
            gtin: text(2),
            location: text(3),
            counted: record.get(4)?.parse().ok().filter(|n| *n >= 0)?,
        })
    };
    sheet.records().filter_map(|record| line(record.ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went() {
        let line =
            |line, code: Option<&str>, gtin: Option<&str>, location: Option<&str>, counted| CountLine {
                line,
                code: code.map(str::to_owned),
                gtin: gtin.map(str::to_owned),
                location: location.map(str::to_owned),
                counted,
            };
        let lines = vec![
            line(2, Some("A,\"B\"\n茶"), None, Some("main"), 0),
            line(5, None, Some("4901234567894"), None, 12),
        ];
        assert_eq!(read(&written(&lines)), lines);
        assert_eq!(
            read(&written(&lines).replace('\n', "\r\n"))[1],
            lines[1],
            "a form makes line ends its own"
        );
        assert_eq!(read("line,code,JAN,location,counted\nx,A,,,1\n2,A,,,-4\n"), []);
    }
}
