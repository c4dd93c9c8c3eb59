//! A marketplace without an API: its order manager exports orders to a folder and imports stock and parcels from it.
//!
//! It stands for the tools that marketplaces and shop systems come with. They write CP932 or UTF-8, some rename a file
//! when it is whole and some write it in place, they break off and start anew, upload a file twice, save their log-in
//! page as CSV, and export an order again whenever it changed. The faults that other fakes play on HTTP calls are
//! played here on exports; what each becomes stands at [`FakeFolder::tick`].

mod books;
mod exports;
mod imports;
mod market;
mod odd;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banto_channel::{Clock, ListingId};
use banto_sim::faults::Faults;

use books::Books;
pub use odd::OddOrder;

/// How the tool writes and reads its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeEncoding {
    /// UTF-8.
    Utf8,
    /// Windows' Shift_JIS. What it cannot hold becomes a question mark, as such tools have it.
    Cp932,
}

/// Which stock files the tool imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeStock {
    /// `stock/stock.csv`, whenever it was replaced; the file stays.
    Full,
    /// Each `stock/changes-….csv` once; they are taken away.
    Changes,
}

/// An offer that is on sale at the start.
#[derive(Clone, Debug)]
pub struct FakeOffer {
    /// The seller's code.
    pub code: String,
    /// Title.
    pub title: String,
    /// JAN; empty for none.
    pub jan: String,
    /// Price in yen.
    pub price: i64,
    /// How many it shows.
    pub stock: i64,
}

/// What the marketplace and its tool are like.
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// An existing folder; `orders/` and `offers/` are made in it.
    pub folder: PathBuf,
    /// Seeds its faults.
    pub seed: u64,
    /// What time it is there. Files get its time, too.
    pub clock: Arc<dyn Clock>,
    /// What is on sale at the start: listings `1001`, `1002` …
    pub offers: Vec<FakeOffer>,
    /// Of every file.
    pub encoding: FakeEncoding,
    /// What it imports.
    pub stock: FakeStock,
    /// Exports are written in place, growing, instead of under another name and renamed.
    pub in_place: bool,
    /// Lines above the header of an order file.
    pub preamble: Vec<String>,
}

impl FakeConfig {
    /// Twelve offers, UTF-8, full stock files, exports that are renamed into place.
    #[must_use]
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self {
            folder: folder.to_owned(),
            seed: 7,
            clock,
            offers: Vec::new(),
            encoding: FakeEncoding::Utf8,
            stock: FakeStock::Full,
            in_place: false,
            preamble: Vec::new(),
        }
        .with_offers(12)
    }

    /// The same with so many offers, codes `CSV-0001` and so on, 40 of each.
    #[must_use]
    pub fn with_offers(mut self, count: usize) -> Self {
        let offer = |n: usize| FakeOffer {
            code: format!("CSV-{n:04}"),
            title: format!("煎茶 髙級 {n}号, \"特上\""),
            jan: format!("49{n:011}"),
            price: 480 + 60 * i64::try_from(n % 40).unwrap_or(0),
            stock: 40,
        };
        self.offers = (1..=count).map(offer).collect();
        self
    }
}

/// The marketplace and its folder. Its inside is [`banto_sim::Market`].
#[derive(Debug)]
pub struct FakeFolder {
    config: FakeConfig,
    faults: Faults,
    books: Mutex<Books>,
}

impl FakeFolder {
    /// Opens the marketplace and exports its offers.
    ///
    /// Errors: those of the file system.
    pub fn open(config: FakeConfig) -> io::Result<Arc<Self>> {
        for subfolder in ["orders", "offers"] {
            fs::create_dir_all(config.folder.join(subfolder))?;
        }
        let books = Mutex::new(Books::new(&config.offers));
        let fake = Arc::new(Self { faults: Faults::calm(config.seed), books, config });
        fake.run(&mut fake.books())?;
        Ok(fake)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.config.folder
    }

    /// The `[connector]` table of a channel to it.
    #[must_use]
    pub fn connector_table(&self) -> String {
        let files = match self.config.stock {
            FakeStock::Full => "full",
            FakeStock::Changes => "changes",
        };
        let encoding = match self.config.encoding {
            FakeEncoding::Utf8 => "utf-8",
            FakeEncoding::Cp932 => "cp932",
        };
        let settle = if self.config.in_place { 10 } else { 0 };
        let folder = self.config.folder.to_string_lossy().into_owned();
        format!(
            "folder = {folder:?}\nsettle_seconds = {settle}\nencoding = \"{encoding}\"\n{}",
            include_str!("fake/connector.toml").replace("ENCODING", encoding).replace("STOCK_FILES", files)
        )
    }

    /// The tool's next run: imports stock, parcels and cancelled orders, then exports what changed since.
    ///
    /// An export may meet a fault: `Torn` leaves half a file under its final name, `Html` the log-in page, `Huge` a file
    /// of that size, `LostAnswer` exports and forgets that it did, any other does nothing. What was not exported comes
    /// with the next run, which meets none.
    ///
    /// Errors: those of the file system, such as a folder that is away.
    pub fn tick(&self) -> io::Result<()> {
        self.run(&mut self.books())
    }

    fn run(&self, books: &mut Books) -> io::Result<()> {
        self.import(books)?;
        self.export(books)
    }

    /// Places the odd orders and exports them in one file. Answers with what is odd about each, and its key.
    ///
    /// Errors: those of the file system.
    pub fn place_odd_orders(&self) -> io::Result<Vec<OddOrder>> {
        self.export_odd(&mut self.books())
    }

    /// Takes an offer out of the exports, as if it were no longer on sale, or puts it back.
    ///
    /// Errors: those of the file system.
    pub fn withdraw(&self, listing: &ListingId, withdrawn: bool) -> io::Result<()> {
        let mut books = self.books();
        books.withdraw(listing, withdrawn);
        self.run(&mut books)
    }

    /// A file of any content comes in under this name, as by hand.
    ///
    /// Errors: those of the file system.
    pub fn upload(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(&self.config.folder.join("orders").join(name), bytes)
    }

    /// The share is unmounted: the folder is not there.
    ///
    /// Errors: those of the file system.
    pub fn unmount(&self) -> io::Result<()> {
        fs::rename(&self.config.folder, self.config.folder.with_extension("away"))
    }

    /// The share is there again.
    ///
    /// Errors: those of the file system.
    pub fn mount(&self) -> io::Result<()> {
        fs::rename(self.config.folder.with_extension("away"), &self.config.folder)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A panic elsewhere leaves plain data behind, which is as good as before.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
