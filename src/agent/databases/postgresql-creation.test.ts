import assert from 'node:assert/strict'
import { test } from 'node:test'

import { creationAs, splitStatements } from './postgresql-creation.ts'

test('statements are cut at their ends, not inside texts, names and comments', () => {
  const sql = `-- a; comment\n\\restrict abc\nSELECT 'a;b''--' AS "c;""d";\n\n\\connect x\nSELECT '\n\\x;\n' ; SELECT 3;`
  assert.deepEqual(splitStatements(sql), [`SELECT 'a;b''--' AS "c;""d";`, `SELECT '\n\\x;\n' ;`, 'SELECT 3;'])
})

test('a creation is for another database when it has another name, and a comment cannot smuggle anything in', () => {
  const text = `CREATE DATABASE "my ""shop" WITH TEMPLATE = template0;
ALTER DATABASE "my ""shop" OWNER TO anna;
COMMENT ON DATABASE "my ""shop" IS 'x
ALTER DATABASE postgres OWNER TO evil;
';
ALTER DATABASE "my ""shop" IS_TEMPLATE = true;
ALTER ROLE anna IN DATABASE "my ""shop" SET work_mem TO '1GB';
REVOKE CONNECT,TEMPORARY ON DATABASE "my ""shop" FROM PUBLIC;
DROP DATABASE postgres;
`
  const { create, rest } = creationAs(text, 'new')
  assert.deepEqual(splitStatements(create).slice(2), ['CREATE DATABASE "new" WITH TEMPLATE = template0;'])
  assert.deepEqual(splitStatements(rest).slice(2), [
    'ALTER DATABASE "new" OWNER TO anna;',
    `COMMENT ON DATABASE "new" IS 'x\nALTER DATABASE postgres OWNER TO evil;\n';`,
    `ALTER ROLE anna IN DATABASE "new" SET work_mem TO '1GB';`,
    'REVOKE CONNECT,TEMPORARY ON DATABASE "new" FROM PUBLIC;',
  ])
  assert.throws(() => creationAs('DROP DATABASE x;', 'new'), { code: 'DATABASE_LOAD_FAILED' })
})
