//! Whether the folder works, and what should be looked at.

use std::time::Duration;

use banto_channel::{Bilingual, Cx, ProbeReport, Read, Result, Timestamp, both};

use crate::CsvFolder;
use crate::calls::{BAD, Content, Entry, ORDERS};
use crate::notify::{CANCELS, SHIPMENTS};
use crate::offers::OFFERS;
use crate::parse::OrderFile;
use crate::stock::STOCK;

/// A file that came in should be taken within this.
const LIES_LONG: Duration = Duration::from_secs(3600);

/// A file that went out should be taken within this.
const NOT_FETCHED: Duration = Duration::from_secs(24 * 3600);

/// Orders of the newest file that the mapping is tried on.
const LOOKED_AT: usize = 1_000;

/// Gaps of the mapping that are told at once.
const GAPS_MAX: usize = 10;

impl CsvFolder {
    /// Files can be made in each subfolder that is used; what lies there is looked at.
    ///
    /// Errors: those of the file system, with the remedy.
    pub(crate) fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        self.folder.is_there()?;
        let out = [
            (STOCK, true),
            (SHIPMENTS, self.settings.shipments.is_some()),
            (CANCELS, self.settings.cancels.is_some()),
        ];
        for (subfolder, _) in [(ORDERS, true)].iter().chain(&out).filter(|(_, used)| *used) {
            self.folder.try_writing(subfolder)?;
        }
        let now = cx.clock.now();
        let mut warnings = Vec::new();
        self.look_at_orders(now, &mut warnings)?;
        self.look_at_offers(cx, &mut warnings)?;
        for (subfolder, _) in out.iter().skip(1).filter(|(_, used)| *used) {
            let waiting = older(self.folder.list(subfolder)?, now, NOT_FETCHED);
            if let Some(first) = waiting.first() {
                warnings.push(both!(
                    "{count} files in {subfolder}/ are older than a day (such as {first}); if the marketplace's tool reads \
                     them without taking them away, that is right",
                    "{subfolder}/ に1日以上前のファイルが{count}件あります（{first} など）。モール側のツールが読み取り後も\
                     残す場合は問題ありません",
                    count = waiting.len(),
                    first = first.shown()
                ));
            }
        }
        Ok(ProbeReport {
            server: format!("folder {}", self.settings.folder.display()),
            credentials_expire: None,
            warnings,
        })
    }

    fn look_at_orders(&self, now: Timestamp, warnings: &mut Vec<Bilingual>) -> Result<()> {
        let all = self.folder.list(ORDERS)?;
        for file in all.iter().filter(|file| !file.is_table() && !file.shown().starts_with('.')) {
            if !older(vec![file.clone()], now, LIES_LONG).is_empty() {
                warnings.push(both!(
                    "orders/{name} is not read: it must be a table that ends in .csv, .tsv or .txt, and an upload that \
                     broke off must be sent again",
                    "orders/{name} は読み込まれません。拡張子が .csv、.tsv、.txt の表にしてください。途切れたアップロードは\
                     送り直してください",
                    name = file.shown()
                ));
            }
        }
        for file in older(all.into_iter().filter(Entry::is_table).collect(), now, LIES_LONG) {
            let name = file.shown();
            warnings.push(match file.size {
                0 => both!(
                    "orders/{name} has been lying there for long, and it is empty",
                    "orders/{name} が長時間残っています。ファイルは空です"
                ),
                _ => {
                    both!("orders/{name} has been lying there for long", "orders/{name} が長時間残っています")
                }
            });
        }
        let bad = self.folder.list(BAD)?.iter().filter(|file| !file.shown().ends_with(".why.txt")).count();
        if bad > 0 {
            warnings.push(both!(
                "{bad} files in orders/bad/ could not be read; each has its reason beside it, in a file that ends in .why.txt",
                "読み取れなかったファイルが orders/bad/ に{bad}件あります。理由は隣の .why.txt に書かれています"
            ));
        }
        self.look_at_mapping(warnings)
    }

    /// Reads the newest file with the mapping of today.
    fn look_at_mapping(&self, warnings: &mut Vec<Bilingual>) -> Result<()> {
        let newest = match self.folder.incoming()?.pop() {
            Some(file) => Some((file.shown(), file.path)),
            None => self.folder.numbered()?.pop().map(|file| (file.name, file.path)),
        };
        let Some((name, path)) = newest else { return Ok(()) };
        let Content::Bytes { bytes, .. } = self.folder.read(&path, self.settings.file_max)? else {
            return Ok(());
        };
        match OrderFile::open(&self.settings, &name, &bytes) {
            Err(unusable) => {
                warnings.push(unusable.why);
            }
            Ok(orders) => {
                let mut gaps: Vec<Bilingual> = Vec::new();
                let said =
                    orders.reads(&self.settings, 0, LOOKED_AT).into_iter().flat_map(|read| match read {
                        Read::Order(order) => order.unknowns,
                        Read::Unreadable { reason, .. } => vec![reason],
                    });
                said.for_each(|gap| {
                    if !gaps.contains(&gap) {
                        gaps.push(gap);
                    }
                });
                let gaps = gaps.into_iter().take(GAPS_MAX);
                warnings.extend(
                    gaps.map(|gap| both!("{name}", "{name} に読み取れない内容があります").with(&gap)),
                );
            }
        }
        Ok(())
    }

    fn look_at_offers(&self, cx: &Cx, warnings: &mut Vec<Bilingual>) -> Result<()> {
        let Some(columns) = &self.settings.offers else { return Ok(()) };
        match self.export(cx, columns) {
            Ok(Some(export)) => {
                let faults = export.faults.iter().take(5);
                let name = &export.name;
                warnings.extend(faults.map(|fault| Bilingual {
                    en: format!("offers/{name}, {}", fault.en),
                    ja: format!("offers/{name} に読み取れない内容があります: {}", fault.ja),
                }));
            }
            Ok(None) => warnings.push(both!(
                "there is no finished file in {OFFERS}/: listings are found and checked only with one",
                "{OFFERS}/ に完成したファイルがありません。出品の取得と照合にはこのファイルが必要です"
            )),
            Err(error) => warnings.push(both!(
                "{why}",
                "{OFFERS}/ の最新のファイルを読み取れません: {why}",
                why = error.message
            )),
        }
        Ok(())
    }
}

fn older(files: Vec<Entry>, now: Timestamp, than: Duration) -> Vec<Entry> {
    files
        .into_iter()
        .filter(|file| !file.shown().starts_with('.') && now.since(file.modified) > than)
        .collect()
}
