-- The secrets of one-time codes and of webhooks stand here no more: they are derived from the house's key, which is not in
-- the store, and these salts (src/keys/house.rs).
ALTER TABLE person ADD COLUMN totp_salt TEXT;
ALTER TABLE webhook ADD COLUMN salt TEXT;

-- `totp` goes on saying whether codes are asked for, and `secret` says nothing: both are the empty text. A secret that
-- stood here is in backups, so it is not taken over. Whoever had one is asked for codes all the same, and comes in again
-- after a reset; a webhook stands still until it is removed and added again.
UPDATE person SET totp = '' WHERE totp IS NOT NULL;
UPDATE webhook SET secret = '', active = false,
    stopped = 'its secret stood in the store; remove it and add it again, and it gets another one';
DELETE FROM job WHERE lane LIKE 'webhook:%';
-- An answer that told a secret: the request stays done, and is answered anew.
UPDATE api_request SET status = NULL, body = NULL WHERE body LIKE '%whsec_%';
