//! The demo's shops: one fake of every kind of marketplace, all with the same goods, each with the channel file that a
//! merchant would write for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use banto_channel::Clock;
use banto_csv_folder::fake::FakeFolder;
use banto_sim::market::Market;

/// A shop: its name, its kind, and what differs from the usual one of its kind.
pub(super) struct Plan {
    pub(super) name: &'static str,
    kind: Kind,
}

enum Kind {
    WooCommerce { utc_offset_minutes: i64, currency: &'static str },
    Shopify,
    Amazon,
    Rakuten,
    Yahoo,
    Vendure,
    CsvFolder,
}

/// The shops of the house.
pub(super) const SHOPS: [Plan; 8] = [
    Plan { name: "amazon", kind: Kind::Amazon },
    Plan { name: "auction", kind: Kind::CsvFolder },
    Plan { name: "honten", kind: Kind::WooCommerce { utc_offset_minutes: 540, currency: "JPY" } },
    Plan { name: "overseas", kind: Kind::WooCommerce { utc_offset_minutes: -300, currency: "USD" } },
    Plan { name: "rakuten", kind: Kind::Rakuten },
    Plan { name: "shopify", kind: Kind::Shopify },
    Plan { name: "vendure", kind: Kind::Vendure },
    Plan { name: "yahoo", kind: Kind::Yahoo },
];

/// Something that every shop sells.
#[derive(Clone, Debug)]
pub(super) struct Good {
    pub(super) code: String,
    pub(super) title: String,
    /// The product's and the option's words, where it is a variation.
    pub(super) variation: Option<(String, String)>,
    pub(super) jan: String,
    pub(super) yen: i64,
    pub(super) reduced_tax: bool,
    /// What a shop shows before banto has told it better.
    pub(super) stock: i64,
}

/// A shop that is open.
pub(super) struct Shop {
    pub(super) name: &'static str,
    pub(super) market: Arc<dyn Market>,
    /// The tool that imports and exports files, where the marketplace is a folder.
    pub(super) tool: Option<Arc<FakeFolder>>,
}

/// How banto gets in.
struct Door {
    kind: &'static str,
    /// Keys of `[connector]`.
    table: String,
    /// Name and content of each secret file.
    secrets: Vec<(&'static str, String)>,
}

/// Every marketplace's documented allowance, a hundred times over: the demo shows in seconds what takes a marketplace
/// minutes.
const LIMITS_PERCENT: u32 = 10_000;

/// Opens a shop and writes its channel file and secrets.
pub(super) async fn open(
    plan: &Plan,
    seed: u64,
    clock: &Arc<dyn Clock>,
    goods: &[Good],
    dir: &Path,
) -> anyhow::Result<Shop> {
    let name = plan.name;
    let clock = Arc::clone(clock);
    let (market, door): (Arc<dyn Market>, Door) = match plan.kind {
        Kind::WooCommerce { utc_offset_minutes, currency } => {
            woocommerce(seed, clock, goods, (utc_offset_minutes, currency)).await
        }
        Kind::Shopify => shopify(seed, clock, goods).await,
        Kind::Amazon => amazon(seed, clock, goods).await,
        Kind::Rakuten => rakuten(seed, clock, goods).await,
        Kind::Yahoo => yahoo(seed, clock, goods).await,
        Kind::Vendure => vendure(seed, clock, goods).await,
        Kind::CsvFolder => {
            let (tool, door) = csv_folder(seed, clock, goods, &dir.join(name))?;
            write_channel(dir, name, &door)?;
            return Ok(Shop { name, market: Arc::clone(&tool) as Arc<dyn Market>, tool: Some(tool) });
        }
    }
    .with_context(|| format!("the demo's shop {name}"))?;
    write_channel(dir, name, &door)?;
    Ok(Shop { name, market, tool: None })
}

type Opened = anyhow::Result<(Arc<dyn Market>, Door)>;

async fn woocommerce(
    seed: u64,
    clock: Arc<dyn Clock>,
    goods: &[Good],
    (utc_offset_minutes, currency): (i64, &str),
) -> Opened {
    use banto_woocommerce::fake::{FakeConfig, FakeProduct, FakeShop, FakeVariation};
    // Abroad a hundred yen are fifty cents.
    let price = |yen: i64| if currency == "JPY" { yen } else { yen / 2 };
    let mut products: Vec<FakeProduct> = Vec::new();
    for good in goods {
        let Some((product, option)) = &good.variation else {
            products.push(FakeProduct {
                name: good.title.clone(),
                sku: good.code.clone(),
                gtin: good.jan.clone(),
                price: price(good.yen),
                stock: Some(good.stock),
                reduced_tax: good.reduced_tax,
                ..FakeProduct::default()
            });
            continue;
        };
        let variation = FakeVariation {
            option: option.clone(),
            sku: good.code.clone(),
            gtin: good.jan.clone(),
            price: price(good.yen),
            stock: Some(good.stock),
        };
        match products.last_mut().filter(|last| last.name == *product) {
            Some(last) => last.variations.push(variation),
            None => products.push(FakeProduct {
                name: product.clone(),
                attribute: "色".to_owned(),
                variations: vec![variation],
                ..FakeProduct::default()
            }),
        }
    }
    let currency = currency.to_owned();
    let config = FakeConfig { products, currency, utc_offset_minutes, ..FakeConfig::new(seed, clock) };
    let (key, secret) = (config.consumer_key.clone(), config.consumer_secret.clone());
    let shop = FakeShop::start(config).await?;
    let table = format!(
        "url = \"{}\"\nconsumer_key_file = \"KEY\"\nconsumer_secret_file = \"SECRET\"\nwebhook_secret_file = \"HOOKS\"\n",
        shop.url()
    );
    let hooks = "demo-webhook-secret-0123456789".to_owned();
    let secrets = vec![("KEY", key), ("SECRET", secret), ("HOOKS", hooks)];
    Ok((Arc::new(shop), Door { kind: banto_woocommerce::KIND, table, secrets }))
}

async fn shopify(seed: u64, clock: Arc<dyn Clock>, goods: &[Good]) -> Opened {
    use banto_shopify::fake::{FakeConfig, FakeShop, FakeVariant};
    let variant = |good: &Good| {
        let (product, option) = good.variation.clone().unwrap_or((good.title.clone(), String::new()));
        FakeVariant {
            product,
            option,
            sku: good.code.clone(),
            barcode: good.jan.clone(),
            price: good.yen,
            stock: Some(good.stock),
            reduced_tax: good.reduced_tax,
        }
    };
    let variants = goods.iter().map(variant).collect();
    let config = FakeConfig { variants, points: None, ..FakeConfig::new(seed, clock) };
    let secret = config.client_secret.clone();
    let shop = FakeShop::start(config).await?;
    let table = shop.connector_table("SECRET");
    Ok((Arc::new(shop), Door { kind: banto_shopify::KIND, table, secrets: vec![("SECRET", secret)] }))
}

async fn amazon(seed: u64, clock: Arc<dyn Clock>, goods: &[Good]) -> Opened {
    use banto_amazon::fake::{FakeAmazon, FakeConfig, FakeOffer};
    let offer = |good: &Good| FakeOffer {
        sku: good.code.clone(),
        title: good.title.clone(),
        price: good.yen,
        stock: Some(good.stock),
        fba: false,
    };
    let offers = goods.iter().map(offer).collect();
    // Amazon itself shows an order two minutes after it changed, and works a feed off in minutes.
    let (feed_time, order_lag) = (Duration::from_secs(1), Duration::from_secs(1));
    let config = FakeConfig { offers, feed_time, order_lag, ..FakeConfig::new(seed, clock) };
    let shop = FakeAmazon::start(config).await?;
    let table = shop.table().replace("client-secret", "SECRET").replace("refresh-token", "REFRESH");
    let secrets =
        vec![("SECRET", shop.credential("client-secret")), ("REFRESH", shop.credential("refresh-token"))];
    Ok((Arc::new(shop), Door { kind: banto_amazon::KIND, table, secrets }))
}

async fn rakuten(seed: u64, clock: Arc<dyn Clock>, goods: &[Good]) -> Opened {
    use banto_rakuten::fake::{FakeConfig, FakeItem, FakeShop, FakeVariant};
    let item = |good: &Good| FakeItem {
        manage_number: good.code.to_lowercase(),
        title: good.title.clone(),
        reduced_tax: good.reduced_tax,
        hidden: false,
        variants: vec![FakeVariant {
            id: "sku".to_owned(),
            code: good.code.clone(),
            jan: good.jan.clone(),
            option: String::new(),
            price: good.yen,
            stock: Some(good.stock),
        }],
    };
    let config = FakeConfig {
        items: goods.iter().map(item).collect(),
        limits: false,
        // The demo's mail server knows no STARTTLS, which the way to masked addresses demands.
        masks_mail: false,
        ..FakeConfig::new(seed, clock)
    };
    let key = config.licence_keys.first().map(|licence| licence.key.clone()).unwrap_or_default();
    let secrets = vec![("SECRET", config.service_secret.clone()), ("KEY", key)];
    let shop = FakeShop::start(config).await?;
    let table =
        format!("url = \"{}\"\nservice_secret_file = \"SECRET\"\nlicense_key_file = \"KEY\"\n", shop.url());
    Ok((Arc::new(shop), Door { kind: banto_rakuten::KIND, table, secrets }))
}

async fn yahoo(seed: u64, clock: Arc<dyn Clock>, goods: &[Good]) -> Opened {
    use banto_yahoo::fake::{FakeConfig, FakeItem, FakeStore};
    let item = |good: &Good| FakeItem {
        code: good.code.to_lowercase(),
        name: good.title.clone(),
        price: good.yen,
        stock: Some(good.stock),
        reduced_tax: good.reduced_tax,
        subs: Vec::new(),
    };
    let items = goods.iter().map(item).collect();
    let today = crate::cli::utc(clock.now().0).chars().take(10).collect::<String>();
    let config = FakeConfig { items, ..FakeConfig::new(seed, clock) };
    let mut secrets =
        vec![("SECRET", config.client_secret.clone()), ("REFRESH", config.refresh_token.clone())];
    let (seller, client) = (config.seller_id.clone(), config.client_id.clone());
    let shop = FakeStore::start(config).await?;
    secrets.push(("KEY", shop.public_key()));
    let table = format!(
        "seller_id = \"{seller}\"\nclient_id = \"{client}\"\nclient_secret_file = \"SECRET\"\n\
         refresh_token_file = \"REFRESH\"\nconsented_at = \"{today}\"\npublic_key_file = \"KEY\"\n\
         public_key_version = \"1\"\nurl = \"{0}\"\nauth_url = \"{0}\"\n",
        shop.url()
    );
    Ok((Arc::new(shop), Door { kind: banto_yahoo::KIND, table, secrets }))
}

async fn vendure(seed: u64, clock: Arc<dyn Clock>, goods: &[Good]) -> Opened {
    use banto_vendure::fake::{FakeConfig, FakeShop, FakeVariant};
    let variant = |good: &Good| FakeVariant {
        name: good.title.clone(),
        sku: good.code.clone(),
        // Vendure keeps two decimals of every currency.
        price: good.yen * 100,
        stock: good.stock,
        reduced_tax: good.reduced_tax,
        tracked: Some(true),
    };
    let config = FakeConfig { variants: goods.iter().map(variant).collect(), ..FakeConfig::new(seed, clock) };
    let (user, password) = (config.username.clone(), config.password.clone());
    let shop = FakeShop::start(config).await?;
    let table = format!("url = \"{}\"\nusername = \"{user}\"\npassword_file = \"PASSWORD\"\n", shop.url());
    Ok((Arc::new(shop), Door { kind: banto_vendure::KIND, table, secrets: vec![("PASSWORD", password)] }))
}

fn csv_folder(
    seed: u64,
    clock: Arc<dyn Clock>,
    goods: &[Good],
    folder: &Path,
) -> anyhow::Result<(Arc<FakeFolder>, Door)> {
    use banto_csv_folder::fake::{FakeConfig, FakeOffer};
    std::fs::create_dir_all(folder)?;
    let offer = |good: &Good| FakeOffer {
        code: good.code.clone(),
        title: good.title.clone(),
        jan: good.jan.clone(),
        price: good.yen,
        stock: good.stock,
    };
    let offers = goods.iter().map(offer).collect();
    let fake = FakeFolder::open(FakeConfig { seed, offers, ..FakeConfig::new(folder, clock) })?;
    let table = fake.connector_table();
    Ok((fake, Door { kind: banto_csv_folder::KIND, table, secrets: Vec::new() }))
}

/// Writes the channel file and its secrets. The words in capitals in a table stand for the secrets' files.
fn write_channel(dir: &Path, name: &str, door: &Door) -> anyhow::Result<()> {
    let mut table = door.table.clone();
    for (what, text) in &door.secrets {
        let file = format!("{name}.{}", what.to_lowercase());
        write_secret(&dir.join("secrets").join(&file), text)?;
        table = table.replace(&format!("\"{what}\""), &format!("\"secrets/{file}\""));
    }
    let kind = door.kind;
    // Tables of the connector's own begin with [orders] and the like: below [connector] they are part of it.
    let table = table.replace("\n[", "\n[connector.").replace("[connector.[", "[[connector.");
    let mails = match kind {
        // The fakes of own shops send no mails of their own.
        "woocommerce" | "shopify" | "vendure" => {
            "\n[mail]\nreceived = \"us\"\npaid = \"us\"\nshipped = \"us\"\ncancelled = \"us\"\n"
        }
        _ => "",
    };
    let text = format!(
        r#"kind = "{kind}"
mode = "live"

[connector]
{table}
[orders]
poll_seconds = 1
reread_minutes = 1
confirm = "auto"
{mails}
[limits]
percent = {LIMITS_PERCENT}

# A few goods are a large share of so small a shop.
[guard]
zeros_min = 50
"#
    );
    std::fs::write(dir.join("channels").join(format!("{name}.toml")), text)?;
    Ok(())
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
