// The shop: Japanese, prices with tax, one warehouse. In PostgreSQL where PGHOST says so, else in memory.

import core from '@vendure/core';

const { DefaultLogger, LogLevel, dummyPaymentHandler } = core;

const inPostgres = () => ({
    type: 'postgres',
    host: process.env.PGHOST,
    port: Number(process.env.PGPORT ?? 5432),
    username: process.env.PGUSER,
    password: process.env.PGPASSWORD,
    database: process.env.PGDATABASE ?? 'postgres',
});

export const databaseName = process.env.PGHOST ? 'PostgreSQL' : 'sql.js';

/** The server's config, and with it the whole of its schema. */
export const config = {
    apiOptions: { hostname: '127.0.0.1', port: 0, adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: {
        tokenMethod: ['bearer', 'api-key'],
        superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    },
    // The tables are made at the start; there is nothing yet that a migration could keep.
    dbConnectionOptions: {
        ...(process.env.PGHOST ? inPostgres() : { type: 'sqljs' }),
        synchronize: true,
        logging: false,
    },
    logger: new DefaultLogger({ level: LogLevel.Warn }),
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    // A storefront's field for the buyer's words, which Vendure itself does not have.
    customFields: { Order: [{ name: 'customerNote', type: 'string', nullable: true }] },
    plugins: [],
};

const payment = (name, settlesAtOnce) => ({
    name,
    handler: {
        code: dummyPaymentHandler.code,
        arguments: [{ name: 'automaticSettle', value: String(settlesAtOnce) }],
    },
});

/** What is in the shop before anything is sold. Its code is made of the name: `card`, `bank-transfer`. */
export const initialData = {
    defaultLanguage: 'ja',
    defaultZone: 'Asia',
    countries: [
        { name: '日本', code: 'JP', zone: 'Asia' },
        { name: 'Deutschland', code: 'DE', zone: 'Europe' },
    ],
    taxRates: [
        { name: '標準税率', percentage: 10 },
        { name: '軽減税率', percentage: 8 },
    ],
    // In hundredths, as all of Vendure's money: 550 yen.
    shippingMethods: [{ name: '宅配便', price: 55000 }],
    paymentMethods: [payment('card', true), payment('bank transfer', false)],
    collections: [],
};
