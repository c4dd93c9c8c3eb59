//! Every query, once, by name. The same text runs on SQLite and PostgreSQL; the few that cannot stand in
//! `dialect`. Lists of keys come as one JSON text (`[[1],[2]]`) through `jsonb_each`.

macro_rules! texts {
    ($( $name:ident = $text:literal; )*) => {
        $(pub(super) const $name: &str = $text;)*

        /// Every text, for the parity test.
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

pub(super) use texts;

texts! {
    // Ids and the store itself.
    NEXT_ID = "SELECT next FROM counter WHERE name = 'id'";
    SET_NEXT_ID = "UPDATE counter SET next = $1 WHERE name = 'id'";
    ANYTHING_THERE = "SELECT id FROM channel UNION ALL SELECT id FROM location UNION ALL SELECT id FROM item \
        UNION ALL SELECT id FROM orders UNION ALL SELECT id FROM audit UNION ALL SELECT id FROM person LIMIT 1";
    MIGRATIONS_APPLIED = "SELECT version FROM _sqlx_migrations ORDER BY version";
    PING = "SELECT next FROM counter WHERE name = 'id'";
    SCHEMA_VERSION = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations";
    NEWEST_ENTRY = "SELECT CAST(COALESCE(MAX(id), 0) AS BIGINT) FROM entry";

    // Channels and locations.
    CHANNELS = "SELECT * FROM channel ORDER BY name";
    CHANNEL_BY_NAME = "SELECT * FROM channel WHERE name = $1";
    CHANNEL_CONFIGURE = "UPDATE channel SET kind = $2, mode = $3, live_since = $4, locations = $5 WHERE id = $1";
    CHANNEL_SET_PAUSED = "UPDATE channel SET paused = $2 WHERE id = $1";
    CHANNEL_SET_STOPPED = "UPDATE channel SET stopped = $2, approved = false WHERE id = $1";
    CHANNEL_APPROVE = "UPDATE channel SET approved = true WHERE id = $1";
    CHANNEL_LOCATIONS_OF_ORDERS = "SELECT o.id, c.locations FROM orders o JOIN channel c ON c.id = o.channel_id \
        WHERE o.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    CHANNEL_SET_CURSOR = "UPDATE channel SET cursor = $2, pulled_at = $3, pull_error = NULL, pull_failed_since = NULL \
        WHERE id = $1";
    CHANNEL_SET_CURSOR_TEXT = "UPDATE channel SET cursor = $2 WHERE id = $1";
    CHANNEL_ASK_PUSH = "UPDATE channel SET push_asked = push_asked + 1 WHERE id = $1";
    CHANNEL_GAP = "SELECT last_order_at, order_gap FROM channel WHERE id = $1";
    CHANNEL_ORDER_SEEN = "UPDATE channel SET last_order_at = $2, order_gap = $3 WHERE id = $1";
    CHANNEL_PULL_FAILED = "UPDATE channel SET pull_error = $2, \
        pull_failed_since = COALESCE(pull_failed_since, $3) WHERE id = $1";
    CHANNEL_SET_EXPIRY = "UPDATE channel SET credentials_expire = $2 WHERE id = $1";
    CHANNEL_MAPPED = "UPDATE channel SET mapped = mapped + 1 WHERE id = $1";
    CHANNEL_OF_ORDER_MAPPED = "UPDATE channel SET mapped = mapped + 1 \
        WHERE id = (SELECT channel_id FROM orders WHERE id = $1)";
    CHANNEL_LEASE = "UPDATE channel SET owner = $2, lease_until = $4 \
        WHERE id = $1 AND (owner IS NULL OR owner = $2 OR lease_until < $3)";
    CHANNEL_UNLEASE = "UPDATE channel SET owner = NULL, lease_until = NULL WHERE id = $1 AND owner = $2";
    LOCATIONS = "SELECT * FROM location ORDER BY id";
    LOCATION_RENAME = "UPDATE location SET name = $2 WHERE id = $1";

    // Items.
    ITEM_BY_CODE = "SELECT * FROM item WHERE code = $1";
    ITEMS_BY_CODES = "SELECT * FROM item WHERE code IN (SELECT value ->> 0 FROM jsonb_each($1))";
    ITEM_IDS_BY_CODES = "SELECT code, id FROM item WHERE code IN (SELECT value ->> 0 FROM jsonb_each($1))";
    ITEMS_BY_IDS = "SELECT * FROM item WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY code";
    ITEMS_PAGE = "SELECT * FROM item WHERE code > $1 ORDER BY code LIMIT $2";
    ITEMS_ALL = "SELECT * FROM item ORDER BY id";
    ITEM_KEYS = "SELECT id, code, gtin, name FROM item ORDER BY id";
    COMPONENTS_OF = "SELECT * FROM component WHERE set_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY set_id, item_id";
    COMPONENTS_ALL = "SELECT * FROM component ORDER BY set_id, item_id";
    SETS_WITH = "SELECT * FROM component WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY set_id, item_id";
    COMPONENTS_DROP = "DELETE FROM component WHERE set_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    LEVELS_OF = "SELECT * FROM level WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY item_id, location_id";
    LEVELS_ALL = "SELECT * FROM level ORDER BY item_id, location_id";

    // The ledger.
    ENTRY = "SELECT * FROM entry WHERE id = $1";
    ENTRIES_SINCE = "SELECT * FROM entry WHERE id > $1 ORDER BY id LIMIT $2";
    STOCK_CHANGES = "SELECT id, item_id, at, actor FROM entry WHERE id > $1 ORDER BY id LIMIT $2";
    ENTRY_CHAIN = "WITH RECURSIVE chain (id, n) AS (SELECT CAST($1 AS BIGINT), CAST(1 AS BIGINT) UNION ALL \
        SELECT e.prev_id, c.n + 1 FROM chain c CROSS JOIN entry e WHERE e.id = c.id AND e.prev_id > 0 AND c.n < $2) \
        SELECT e.* FROM chain c CROSS JOIN entry e WHERE e.id = c.id ORDER BY e.id DESC";
    ENTRIES_ALL = "SELECT * FROM entry ORDER BY id";
    RETURNED_OF_ITEM = "SELECT CAST(COALESCE(SUM(CASE WHEN target = 'returned' THEN quantity ELSE -quantity END), 0) \
        AS BIGINT) FROM entry WHERE item_id = $1 AND (target = 'returned' OR source = 'returned')";
    RESERVATION_SUMS = "SELECT item_id, location_id, CAST(0 AS BIGINT) AS available, \
        CAST(SUM(reserved) AS BIGINT) AS reserved, CAST(SUM(short) AS BIGINT) AS short, CAST(0 AS BIGINT) AS last_entry \
        FROM reservation GROUP BY item_id, location_id ORDER BY item_id, location_id";

    // Reservations.
    RESERVATIONS_OF_ORDERS = "SELECT * FROM reservation \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    RESERVATIONS_OF_ITEMS = "SELECT * FROM reservation \
        WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY order_id, line_no";
    // All holds of the lines that wait, so that a unit that comes in is added to what a line has at that location.
    SHORTFALLS_OF_ITEMS = "SELECT DISTINCT r.* FROM reservation s JOIN reservation r \
        ON r.order_id = s.order_id AND r.line_no = s.line_no AND r.item_id = s.item_id WHERE s.short > 0 \
        AND s.item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY r.order_id, r.line_no, r.item_id, r.location_id";
    SHORTFALL_UNITS = "SELECT CAST(COALESCE(SUM(short), 0) AS BIGINT) FROM reservation WHERE short > 0";
    SHORTFALLS = "SELECT * FROM reservation WHERE short > 0 AND order_id IN (SELECT DISTINCT order_id FROM reservation \
        WHERE short > 0 AND order_id > $1 ORDER BY order_id LIMIT $2) ORDER BY order_id, line_no";
    HOLDINGS_OF_ITEMS = "SELECT r.order_id, c.name AS channel, o.number, r.line_no, r.item_id, r.location_id, \
        r.reserved, r.short FROM reservation r JOIN orders o ON o.id = r.order_id JOIN channel c ON c.id = o.channel_id \
        WHERE r.item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY r.order_id, r.line_no, r.item_id, r.location_id";
    ORDERS_HOLDING_SETS = "SELECT DISTINCT l.item_id, c.name || '/' || o.number FROM reservation r \
        JOIN order_line l ON l.order_id = r.order_id AND l.line_no = r.line_no \
        JOIN orders o ON o.id = r.order_id JOIN channel c ON c.id = o.channel_id \
        WHERE l.item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY 1, 2";
    RESERVATION_DROP = "DELETE FROM reservation \
        WHERE order_id = $1 AND line_no = $2 AND item_id = $3 AND location_id = $4";
    // CROSS JOIN and `channel_id + 0` have SQLite go through the open orders, not through all that the channel ever had.
    OPEN_BY_LISTING = "SELECT l.listing, CAST(SUM(l.quantity - l.cancelled - l.shipped) AS BIGINT) FROM orders o \
        CROSS JOIN order_line l WHERE l.order_id = o.id AND o.open AND o.moves_stock AND o.channel_id + 0 = $1 \
        AND l.quantity > l.cancelled + l.shipped AND l.listing IN (SELECT value ->> 0 FROM jsonb_each($2)) \
        GROUP BY l.listing ORDER BY l.listing";

    // Orders.
    ORDERS_BY_REMOTE = "SELECT * FROM orders \
        WHERE channel_id = $1 AND remote_id IN (SELECT value ->> 0 FROM jsonb_each($2))";
    ORDERS_BY_IDS = "SELECT * FROM orders WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY id";
    // `number <> remote_id` is the condition of the index of numbers; CROSS JOIN has SQLite go channel by channel.
    ORDERS_BY_NUMBER = "SELECT * FROM orders WHERE id IN (\
        SELECT id FROM orders WHERE number = $1 AND number <> remote_id \
        UNION ALL SELECT o.id FROM channel c CROSS JOIN orders o WHERE o.channel_id = c.id AND o.remote_id = $1) \
        ORDER BY id DESC LIMIT 20";
    ORDERS_OF_CHANNEL_BY_NUMBER = "SELECT * FROM orders WHERE id IN (\
        SELECT id FROM orders WHERE channel_id + 0 = $1 AND number = $2 AND number <> remote_id \
        UNION ALL SELECT id FROM orders WHERE channel_id = $1 AND remote_id = $2) ORDER BY id DESC LIMIT 20";
    ORDER_NAMES = "SELECT o.id, c.name, o.number FROM orders o JOIN channel c ON c.id = o.channel_id \
        WHERE o.id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY o.id";
    ORDERS_PAGE = "SELECT * FROM orders WHERE id < $1 AND ($2 = 0 OR channel_id = $2) ORDER BY id DESC LIMIT $3";
    ORDERS_PAGE_OPEN = "SELECT * FROM orders WHERE open AND id < $1 AND ($2 = 0 OR channel_id = $2) \
        ORDER BY id DESC LIMIT $3";
    ORDERS_PAGE_HELD = "SELECT * FROM orders WHERE hold IS NOT NULL AND id < $1 AND ($2 = 0 OR channel_id = $2) \
        ORDER BY id DESC LIMIT $3";
    // `payment <> 'paid'` is what the index of unpaid orders has.
    ORDERS_PAGE_UNPAID = "SELECT * FROM orders WHERE open AND payment <> 'paid' \
        AND payment IN ('awaiting', 'partial', 'failed') AND id < $1 AND ($2 = 0 OR channel_id = $2) ORDER BY id DESC LIMIT $3";
    // Along the index of what is short, which ends with the page; the orders of all of it would be more.
    ORDERS_PAGE_SHORT = "SELECT o.* FROM (SELECT DISTINCT r.order_id FROM reservation r CROSS JOIN orders w \
            WHERE r.short > 0 AND r.order_id < $1 AND w.id = r.order_id AND ($2 = 0 OR w.channel_id + 0 = $2) \
            ORDER BY r.order_id DESC LIMIT $3) s CROSS JOIN orders o WHERE o.id = s.order_id ORDER BY o.id DESC";
    ORDERS_FIND = "SELECT * FROM orders WHERE id < $1 AND ($2 = 0 OR channel_id = $2) AND (number = $4 \
        OR remote_id = $4 OR LOWER(buyer_email) = LOWER($4) OR buyer_name LIKE '%' || $4 || '%') ORDER BY id DESC LIMIT $3";
    // `channel_id + 0` keeps the engines off the index of the channel's whole history.
    ORDERS_WAITING_FOR_MONEY = "SELECT * FROM orders WHERE open AND channel_id + 0 = $1 AND id > $2 AND placed_at >= $3 \
        AND placed_at <= $4 AND payment IN ('awaiting', 'failed') AND hold IS NULL ORDER BY id LIMIT $5";
    ORDERS_OPEN_OF_CHANNEL = "SELECT * FROM orders WHERE open AND channel_id + 0 = $1 AND id > $2 ORDER BY id LIMIT $3";
    ORDER_COUNTS = "SELECT CAST(COUNT(*) AS BIGINT) AS all_orders, \
        CAST(COALESCE(SUM(CASE WHEN open THEN 1 ELSE 0 END), 0) AS BIGINT) AS open_orders, \
        CAST(COALESCE(SUM(CASE WHEN hold IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS held_orders FROM orders WHERE channel_id = $1";
    LINES_OF = "SELECT * FROM order_line WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY order_id, line_no";
    LINES_UNMATCHED = "SELECT l.* FROM order_line l JOIN orders o ON o.id = l.order_id WHERE l.item_id IS NULL \
        AND l.per > 0 AND o.moves_stock AND l.quantity > l.cancelled ORDER BY l.order_id, l.line_no LIMIT $1";
    // CROSS JOIN has SQLite begin with the few lines that wait, not with the channel's orders.
    LINES_UNMATCHED_OF_LISTINGS = "SELECT l.* FROM order_line l CROSS JOIN orders o \
        WHERE o.id = l.order_id AND l.item_id IS NULL AND o.open AND o.channel_id = $1 \
        AND l.listing IN (SELECT value ->> 0 FROM jsonb_each($2)) ORDER BY l.order_id, l.line_no";
    LINES_UNMATCHED_OF_CODES = "SELECT l.* FROM order_line l JOIN orders o ON o.id = l.order_id \
        WHERE l.item_id IS NULL AND l.per > 0 AND o.open \
        AND l.code IN (SELECT value ->> 0 FROM jsonb_each($1)) ORDER BY l.order_id, l.line_no";
    LINES_SET_PER = "UPDATE order_line SET per = $3 WHERE item_id IS NULL AND listing = $2 \
        AND EXISTS (SELECT 1 FROM orders o WHERE o.id = order_line.order_id AND o.channel_id = $1 AND o.open)";
    PARCELS_OF = "SELECT * FROM parcel WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY order_id, seq";
    TIMELINE_OF = "SELECT * FROM timeline WHERE order_id = $1 ORDER BY id";
    PAYLOAD = "SELECT * FROM payload WHERE id = $1";
    PAYLOADS_PURGE = "UPDATE payload SET body = '' WHERE body <> '' AND id < $1 AND at < $2";

    // Quarantine.
    QUARANTINE_OPEN = "SELECT * FROM quarantine WHERE resolved_at IS NULL ORDER BY id LIMIT $1";
    QUARANTINE_ROW = "SELECT * FROM quarantine WHERE id = $1";
    QUARANTINE_CLOSE = "UPDATE quarantine SET resolved_at = $2 WHERE id = $1 AND resolved_at IS NULL";
    QUARANTINE_ANY = "SELECT * FROM quarantine WHERE channel_id = $1 AND resolved_at IS NULL LIMIT 1";
    QUARANTINE_KNOWN = "SELECT * FROM quarantine \
        WHERE channel_id = $1 AND digest IN (SELECT value ->> 0 FROM jsonb_each($2))";
    QUARANTINE_RESOLVE = "UPDATE quarantine SET resolved_at = $3 WHERE channel_id = $1 AND resolved_at IS NULL \
        AND remote_id IN (SELECT value ->> 0 FROM jsonb_each($2))";

    // Listings.
    LISTINGS_BY_REMOTE = "SELECT * FROM listing \
        WHERE channel_id = $1 AND remote_id IN (SELECT value ->> 0 FROM jsonb_each($2))";
    LISTING_MAPPINGS = "SELECT remote_id, item_id, per, ignored FROM listing \
        WHERE channel_id = $1 AND remote_id IN (SELECT value ->> 0 FROM jsonb_each($2))";
    LISTINGS_BY_IDS = "SELECT * FROM listing WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    LISTINGS_OF_CHANNEL = "SELECT * FROM listing WHERE channel_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    LISTINGS_OF_ITEMS = "SELECT * FROM listing WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY id";
    // `channel_id + 0` keeps SQLite on the index by item, off the one along all listings of the channel.
    LISTINGS_OF_CHANNEL_ITEMS = "SELECT * FROM listing WHERE channel_id + 0 = $1 \
        AND item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($2)) ORDER BY id";
    LISTINGS_UNMAPPED = "SELECT * FROM listing WHERE item_id IS NULL AND NOT ignored ORDER BY channel_id, id LIMIT $1";
    LISTINGS_UNMAPPED_PAGE = "SELECT * FROM listing WHERE item_id IS NULL AND NOT ignored AND id > $1 \
        ORDER BY id LIMIT $2";
    LISTINGS_DOUBT = "UPDATE listing SET shown = NULL, answered = NULL, answered_at = $1 \
        WHERE channel_id = (SELECT channel_id FROM orders WHERE id = $2) \
        AND remote_id IN (SELECT listing FROM order_line WHERE order_id = $2)";
    LISTINGS_ON_SALE = "SELECT CAST(COUNT(*) AS BIGINT) FROM listing WHERE channel_id = $1 \
        AND COALESCE(shown, answered) > 0";
    LISTINGS_WITH_RECEIPT = "SELECT * FROM listing WHERE channel_id = $1 AND receipt IS NOT NULL ORDER BY id LIMIT $2";
    LISTING_MAP = "UPDATE listing SET item_id = $2, per = $3, ignored = $4, proposal = NULL, shown_version = 0, \
        error = NULL, error_at = NULL, retry_at = NULL, tries = 0 WHERE id = $1";
    LISTING_APPLIED = "UPDATE listing SET sent = $2, sent_version = $3, sent_at = $4, \
        shown = CASE WHEN answered IS NULL AND answered_at >= $4 THEN NULL ELSE CAST($2 AS BIGINT) END, \
        shown_version = $3, shown_at = $5, receipt = NULL, error = NULL, error_at = NULL, retry_at = NULL, tries = 0 \
        WHERE id = $1 AND shown_version <= $3";
    LISTING_PENDING = "UPDATE listing SET sent = $2, sent_version = $3, sent_at = $4, receipt = $5 WHERE id = $1";
    LISTING_FAILED = "UPDATE listing SET sent = $2, sent_version = $3, sent_at = $4, error = $5, error_at = $4, \
        retry_at = $6, tries = tries + 1, receipt = NULL WHERE id = $1";
    LISTINGS_SETTLED = "UPDATE listing SET shown_version = (SELECT CAST(value ->> 1 AS BIGINT) FROM jsonb_each($1) \
        WHERE CAST(value ->> 0 AS BIGINT) = listing.id) \
        WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";

    // Jobs.
    JOB_BY_KEY = "SELECT * FROM job WHERE key = $1";
    JOBS_SETTLE = "DELETE FROM job WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    JOBS_AGAIN = "UPDATE job SET state = 'ready', run_at = CAST(j.value ->> 2 AS BIGINT), \
        attempts = job.attempts - CAST(j.value ->> 3 AS BIGINT), last_error = j.value ->> 4, lease_until = 0 \
        FROM jsonb_each($1) AS j WHERE job.id = CAST(j.value ->> 0 AS BIGINT) \
        AND job.attempts = CAST(j.value ->> 1 AS BIGINT) AND job.state = 'running' \
        AND COALESCE(job.owner, '') = COALESCE(j.value ->> 5, '')";
    JOBS_BURY = "UPDATE job SET state = 'dead', last_error = j.value ->> 2, lease_until = 0 \
        FROM jsonb_each($1) AS j WHERE job.id = CAST(j.value ->> 0 AS BIGINT) \
        AND job.attempts = CAST(j.value ->> 1 AS BIGINT) AND COALESCE(job.owner, '') = COALESCE(j.value ->> 3, '')";
    JOBS_EXTEND = "UPDATE job SET run_at = $1, lease_until = $1 FROM jsonb_each($2) AS j \
        WHERE job.id = CAST(j.value ->> 0 AS BIGINT) AND job.attempts = CAST(j.value ->> 1 AS BIGINT) \
        AND job.state = 'running' AND COALESCE(job.owner, '') = COALESCE(j.value ->> 2, '')";
    JOB_OWNERS = "SELECT DISTINCT owner FROM job WHERE state = 'running' ORDER BY owner";
    JOBS_RELEASE = "UPDATE job SET state = 'ready', run_at = $1, lease_until = 0, attempts = attempts - 1 WHERE state = 'running' \
        AND COALESCE(owner, '') IN (SELECT value ->> 0 FROM jsonb_each($2))";
    JOB_REVIVE = "UPDATE job SET state = 'ready', run_at = $2, attempts = 0 WHERE id = $1 AND state <> 'running'";
    JOBS_BY_KEYS = "SELECT * FROM job WHERE key IN (SELECT value ->> 0 FROM jsonb_each($1)) ORDER BY id";
    JOBS_DROP_KEYS = "DELETE FROM job WHERE state <> 'running' AND key IN (SELECT value ->> 0 FROM jsonb_each($1))";
    JOB_DROP = "DELETE FROM job WHERE id = $1";
    JOB = "SELECT * FROM job WHERE id = $1";
    JOBS = "SELECT * FROM job WHERE id > $1 AND ($2 = '' OR lane = $2) ORDER BY id LIMIT $3";
    // By how their keys begin: `notice:ORDER:…` tells the order's channel, `mail:ORDER:…` sends a mail.
    JOBS_BY_KEY_START = "SELECT * FROM job WHERE key >= $1 AND key < $2 ORDER BY id";
    JOBS_DEAD = "SELECT * FROM job WHERE id > $1 AND ($2 = '' OR lane = $2) AND state = 'dead' ORDER BY id LIMIT $3";
    JOBS_IN_LANE = "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT lane FROM job WHERE lane = $1 AND state <> 'dead' LIMIT $2) w";
    JOBS_WAITING = "SELECT * FROM job WHERE lane = $1 AND state <> 'dead' ORDER BY id LIMIT $2";
    JOB_NEXT = "SELECT run_at FROM job WHERE lane = $1 AND state <> 'dead' ORDER BY run_at LIMIT 1";
    JOB_COUNTS = "SELECT lane, state, CAST(COUNT(*) AS BIGINT) AS jobs, CAST(MIN(created_at) AS BIGINT) AS oldest FROM job \
        GROUP BY lane, state ORDER BY lane, state";

    // Mails.
    MAIL = "SELECT * FROM mail WHERE order_id = $1 AND kind = $2 AND revision = $3";
    MAILS_OF_ORDER = "SELECT * FROM mail WHERE order_id = $1 ORDER BY created_at, kind, revision";
    MAILS_OF_ORDERS = "SELECT * FROM mail WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    MAILS_IN_STATE = "SELECT * FROM mail WHERE state = $1 ORDER BY order_id DESC, kind, revision LIMIT $2";
    // `order_id + 0` keeps the engines on the index of what is not done with, which is short.
    MAILS_PENDING_IN_STATE = "SELECT * FROM mail WHERE state = $1 AND state NOT IN ('sent', 'dropped') \
        ORDER BY order_id + 0 DESC, kind, revision LIMIT $2";
    MAILS_PENDING = "SELECT * FROM mail WHERE state NOT IN ('sent', 'dropped') \
        ORDER BY order_id + 0 DESC, kind, revision LIMIT $1";
    MAILS_RECENT = "SELECT * FROM mail ORDER BY order_id DESC, kind, revision LIMIT $1";
    MAIL_COUNTS = "SELECT kind, state, CAST(COUNT(*) AS BIGINT) FROM mail GROUP BY kind, state ORDER BY kind, state";
    MAIL_PENDING_COUNTS = "SELECT state, CAST(COUNT(*) AS BIGINT) FROM mail WHERE state NOT IN ('sent', 'dropped') \
        GROUP BY state ORDER BY state";
    MAIL_STATES = "SELECT order_id, kind, revision, state, attempts FROM mail \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    MAILS_SETTLE = "UPDATE mail SET state = j.value ->> 3, answer = COALESCE(j.value ->> 4, mail.answer), \
        sent_at = COALESCE(CAST(j.value ->> 5 AS BIGINT), mail.sent_at), updated_at = $1 FROM jsonb_each($2) AS j \
        WHERE mail.order_id = CAST(j.value ->> 0 AS BIGINT) AND mail.kind = j.value ->> 1 \
        AND mail.revision = CAST(j.value ->> 2 AS BIGINT)";

    // Alerts and the audit.
    ALERTS_OPEN = "SELECT * FROM alert WHERE cleared_at IS NULL ORDER BY id";
    ALERT_BY_KEY = "SELECT * FROM alert WHERE key = $1";
    ALERT_SEEN = "UPDATE alert SET detail = $2, last_at = $3, \
        since = CASE WHEN cleared_at IS NULL THEN since ELSE $3 END, \
        mailed_at = CASE WHEN cleared_at IS NULL THEN mailed_at ELSE NULL END, cleared_at = NULL WHERE key = $1";
    ALERT_MAILED = "UPDATE alert SET mailed_at = $2 WHERE id = $1";
    ALERT_CLEAR = "UPDATE alert SET cleared_at = $2 WHERE key = $1 AND cleared_at IS NULL";
    SESSIONS_FORGET = "DELETE FROM session";
    SETUP_CODES_FORGET = "DELETE FROM setup_code";
    AUDIT_RECENT = "SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";

    // What must be true. Each names what is not, with how many there are; `$1` is the time before which it must have
    // been so.
    CHECK_NEGATIVE = "SELECT what, CAST(COUNT(*) OVER () AS BIGINT) FROM ( \
            SELECT 'the level of item ' || item_id || ' at location ' || location_id AS what FROM level \
            WHERE available < 0 OR reserved < 0 OR short < 0 \
            UNION ALL SELECT 'line ' || line_no || ' of order #' || order_id FROM order_line \
            WHERE quantity < 0 OR cancelled < 0 OR shipped < 0 OR returned < 0 OR per < 0 \
            UNION ALL SELECT 'what order #' || order_id || ' holds' FROM reservation WHERE reserved < 0 OR short < 0) found \
        ORDER BY what LIMIT 5";
    CHECK_DEMAND = "WITH need AS (SELECT l.order_id, l.line_no, COALESCE(c.item_id, l.item_id) AS item_id, \
            (l.quantity - l.cancelled - l.shipped) * l.per * COALESCE(c.quantity, 1) AS units \
            FROM orders o JOIN order_line l ON l.order_id = o.id LEFT JOIN component c ON c.set_id = l.item_id \
            WHERE o.open AND o.moves_stock AND l.item_id IS NOT NULL AND l.quantity - l.cancelled - l.shipped > 0), \
        held AS (SELECT order_id, line_no, item_id, CAST(SUM(reserved + short) AS BIGINT) AS units \
            FROM reservation GROUP BY order_id, line_no, item_id), \
        parted AS (SELECT COALESCE(n.order_id, h.order_id) AS order_id, COALESCE(n.line_no, h.line_no) AS line_no, \
            COALESCE(n.item_id, h.item_id) AS item_id, COALESCE(n.units, 0) AS need, COALESCE(h.units, 0) AS held \
            FROM need n FULL JOIN held h ON h.order_id = n.order_id AND h.line_no = n.line_no AND h.item_id = n.item_id) \
        SELECT 'order #' || order_id || ' line ' || line_no || ' needs ' || need || ' of ' \
            || COALESCE(i.code, 'item ' || p.item_id) || ' and holds ' || held, CAST(COUNT(*) OVER () AS BIGINT) \
        FROM parted p LEFT JOIN item i ON i.id = p.item_id WHERE need <> held ORDER BY order_id, line_no, p.item_id LIMIT 5";
    CHECK_ONCE = "SELECT 'channel ' || channel_id || ', ' || remote_id, CAST(COUNT(*) OVER () AS BIGINT) FROM orders \
        GROUP BY channel_id, remote_id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 5";
    CHECK_PAYLOADS = "SELECT 'order #' || o.id, CAST(COUNT(*) OVER () AS BIGINT) FROM orders o \
        LEFT JOIN payload p ON p.id = o.payload_id WHERE p.id IS NULL ORDER BY o.id LIMIT 5";
    CHECK_SETS = "SELECT s.code || ' holds ' || i.code, CAST(COUNT(*) OVER () AS BIGINT) FROM component c \
        JOIN item s ON s.id = c.set_id JOIN item i ON i.id = c.item_id WHERE i.is_set OR NOT s.is_set \
        ORDER BY c.set_id, c.item_id LIMIT 5";
    CHECK_IDS = "SELECT 'id ' || u.top || ' is in use, the counter stands at ' || c.next, CAST(1 AS BIGINT) FROM counter c, \
        (SELECT MAX(id) AS top FROM (SELECT MAX(id) AS id FROM entry UNION ALL SELECT MAX(id) FROM orders \
            UNION ALL SELECT MAX(id) FROM payload UNION ALL SELECT MAX(id) FROM job UNION ALL SELECT MAX(id) FROM listing \
            UNION ALL SELECT MAX(id) FROM item UNION ALL SELECT MAX(id) FROM channel UNION ALL SELECT MAX(id) FROM location \
            UNION ALL SELECT MAX(id) FROM quarantine UNION ALL SELECT MAX(id) FROM alert UNION ALL SELECT MAX(id) FROM audit \
            UNION ALL SELECT MAX(id) FROM person) ids) u \
        WHERE c.name = 'id' AND u.top >= c.next";
    CHECK_MAIL_JOBS = "SELECT kind || ' ' || revision || ' of order #' || order_id || ' is ' || state, \
        CAST(COUNT(*) OVER () AS BIGINT) FROM mail WHERE state NOT IN ('sent', 'dropped') AND state IN ('queued', 'sending') \
        AND NOT EXISTS (SELECT 1 FROM job WHERE job.key = 'mail:' || mail.order_id || ':' || mail.kind || ':' || mail.revision) \
        ORDER BY order_id, kind, revision LIMIT 5";
    CHECK_MAIL_STUCK = "SELECT kind || ' ' || revision || ' of order #' || order_id || ' is ' || state, \
        CAST(COUNT(*) OVER () AS BIGINT) FROM mail WHERE state NOT IN ('sent', 'dropped') AND state = 'sending' \
        AND updated_at < $1 ORDER BY order_id, kind, revision LIMIT 5";
    CHECK_MAIL_UNCERTAIN = "SELECT kind || ' ' || revision || ' of order #' || order_id, CAST(COUNT(*) OVER () AS BIGINT) \
        FROM mail WHERE state NOT IN ('sent', 'dropped') AND state = 'uncertain' ORDER BY order_id, kind, revision LIMIT 5";
    CHECK_CODES = "SELECT name, CAST(COUNT(*) OVER () AS BIGINT) FROM person \
        WHERE totp IS NOT NULL AND totp_salt IS NULL AND disabled_at IS NULL ORDER BY name LIMIT 5";
    CHECK_JOBS_DEAD = "SELECT key || ': ' || COALESCE(last_error, ''), CAST(COUNT(*) OVER () AS BIGINT) FROM job \
        WHERE state = 'dead' ORDER BY id LIMIT 5";
    CHECK_JOBS_OVERDUE = "SELECT key, CAST(COUNT(*) OVER () AS BIGINT) FROM job WHERE state <> 'dead' AND run_at < $1 \
        ORDER BY run_at, id LIMIT 5";
    CHECK_PULLS = "SELECT name || ': ' || COALESCE(pull_error, 'not read for a long time'), CAST(COUNT(*) OVER () AS BIGINT) \
        FROM channel WHERE COALESCE(pulled_at, created_at) < $1 OR pull_failed_since < $1 ORDER BY name LIMIT 5";
    CHECK_STOPPED = "SELECT name || ': ' || stopped, CAST(COUNT(*) OVER () AS BIGINT) FROM channel \
        WHERE stopped IS NOT NULL ORDER BY name LIMIT 5";
    CHECK_LISTINGS = "SELECT c.name || ': ' || COUNT(DISTINCT l.id), CAST(SUM(COUNT(DISTINCT l.id)) OVER () AS BIGINT) \
        FROM channel c JOIN listing l ON l.channel_id = c.id LEFT JOIN component k ON k.set_id = l.item_id \
        JOIN level v ON v.item_id = COALESCE(k.item_id, l.item_id) JOIN entry e ON e.id = v.last_entry \
        WHERE c.mode = 'live' AND NOT c.paused AND c.stopped IS NULL AND l.active AND NOT l.ignored \
        AND v.last_entry > l.shown_version AND e.at < $1 \
        AND v.location_id IN (SELECT CAST(CAST(value AS TEXT) AS BIGINT) FROM jsonb_each(c.locations)) \
        GROUP BY c.name ORDER BY c.name LIMIT 5";
    CHECK_QUARANTINE = "SELECT c.name || ' ' || COALESCE(q.remote_id, '') || ': ' || q.reason, CAST(COUNT(*) OVER () AS BIGINT) \
        FROM quarantine q JOIN channel c ON c.id = q.channel_id WHERE q.resolved_at IS NULL ORDER BY q.id LIMIT 5";
    CHECK_UNMATCHED = "SELECT 'order #' || l.order_id || ': ' || l.title, CAST(COUNT(*) OVER () AS BIGINT) \
        FROM order_line l JOIN orders o ON o.id = l.order_id WHERE l.item_id IS NULL AND l.per > 0 AND o.moves_stock \
        AND l.quantity > l.cancelled ORDER BY l.order_id, l.line_no LIMIT 5";
    CHECK_SHORT = "SELECT i.code || ': ' || SUM(r.short), CAST(SUM(SUM(r.short)) OVER () AS BIGINT) FROM reservation r \
        JOIN item i ON i.id = r.item_id WHERE r.short > 0 GROUP BY i.code ORDER BY i.code LIMIT 5";
    CHECK_ALERTS = "SELECT key || ': ' || detail, CAST(COUNT(*) OVER () AS BIGINT) FROM alert WHERE cleared_at IS NULL \
        ORDER BY id LIMIT 5";
}

/// Texts that only one engine understands; each says why.
pub(super) const SQLITE_VERSION: &str = "SELECT sqlite_version()";
/// SQLite has one writer by itself.
pub(super) const PG_WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock($1)";
/// Gives back the pages that a connection keeps for the next write: 16 MB of an idle house.
pub(super) const SQLITE_SHRINK: &str = "PRAGMA shrink_memory";
/// Finds a damaged file.
pub(super) const SQLITE_INTEGRITY: &str = "PRAGMA integrity_check(5)";
/// Finds rows whose parent is gone.
pub(super) const SQLITE_FOREIGN_KEYS: &str =
    "SELECT \"table\", CAST(COUNT(*) AS BIGINT) FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 1";
/// What only the server knows: its version, and its clock in microseconds since 1970.
pub(super) const PG_SERVER: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
/// A consistent copy of the file while it is in use.
pub(super) const SQLITE_VACUUM_INTO: &str = "VACUUM INTO $1";
/// Claims due jobs of a lane. A claimed job is due again when its lease runs out: `run_at` is all that is looked at.
pub(super) const SQLITE_CLAIM: &str = "UPDATE job SET state = 'running', attempts = attempts + 1, run_at = $3, \
    lease_until = $3, owner = $5 WHERE id IN (SELECT id FROM job WHERE lane = $1 AND state <> 'dead' AND run_at <= $2 \
    ORDER BY run_at, id LIMIT $4) RETURNING *";
/// The same with rows that another daemon is claiming left out, instead of waited for.
pub(super) const PG_CLAIM: &str = "UPDATE job SET state = 'running', attempts = attempts + 1, run_at = $3, \
    lease_until = $3, owner = $5 WHERE id IN (SELECT id FROM job WHERE lane = $1 AND state <> 'dead' AND run_at <= $2 \
    ORDER BY run_at, id LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING *";
