// node server.mjs READY: makes the shop, and writes its address into the file READY when it may be called.

import { renameSync, writeFileSync } from 'node:fs';

import core from '@vendure/core';
import cli from '@vendure/core/cli/populate.js';

import { config, databaseName, initialData } from './vendure-config.mjs';

const { bootstrap } = core;
const { populateInitialData } = cli;

const ready = process.argv[2];
const started = Date.now();

const app = await bootstrap(config);
await populateInitialData(app, initialData);
const address = `http://127.0.0.1:${app.getHttpServer().address().port}`;
await openInYen(address);

// Written beside and renamed, so that nobody reads half an address.
writeFileSync(`${ready}.new`, address);
renameSync(`${ready}.new`, ready);
console.log(`Vendure ${core.VENDURE_VERSION ?? ''} in ${databaseName} on ${address} after ${Date.now() - started} ms`);

for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => app.close().finally(() => process.exit(0)));
}

/** A new shop sells in dollars without tax; this one in yen with tax. */
async function openInYen(server) {
    const admin = new Admin(`${server}/admin-api`);
    await admin.ask('mutation { login(username: "superadmin", password: "superadmin") { __typename } }');
    const { activeChannel, zones } = await admin.ask('{ activeChannel { id } zones { items { id name } } }');
    const asia = zones.items.find(zone => zone.name === 'Asia').id;
    const { updateChannel } = await admin.ask(
        'mutation ($input: UpdateChannelInput!) { updateChannel(input: $input) { __typename ... on ErrorResult { message } } }',
        {
            input: {
                id: activeChannel.id,
                defaultCurrencyCode: 'JPY',
                availableCurrencyCodes: ['JPY'],
                pricesIncludeTax: true,
                defaultTaxZoneId: asia,
                defaultShippingZoneId: asia,
            },
        },
    );
    if (updateChannel.__typename !== 'Channel') {
        throw new Error(`the channel keeps its dollars: ${updateChannel.message}`);
    }
}

/** The Admin API, with the session that the login brought. */
function Admin(url) {
    let token = '';
    this.ask = async (query, variables = {}) => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
        const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
        token = answer.headers.get('vendure-auth-token') || token;
        const { data, errors } = await answer.json();
        if (errors) throw new Error(JSON.stringify(errors));
        return data;
    };
}
