import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { backUpDatabases } from '../../../test/helpers/database-dumps.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { outcomeOf } from './evidence.ts'
import { tryLoad } from './trial.ts'

const linuxOnly = { skip: process.platform !== 'linux' && 'needs pipes of Linux' }

test(
  'a hook prints its dump or leaves it in a file; one that fails, prints nothing or leaves an old one gives none',
  linuxOnly,
  async () => {
    await using folder = await tempFolder()
    const file = folder.join('left.fbk')
    const old = folder.join('old.fbk')
    const scripts = {
      prints: 'echo a dump',
      leaves: 'echo the file > "$UNDERSTUDY_DUMP_FILE"',
      fails: 'echo half; exit 1',
      empty: 'true',
      idle: 'true',
      none: 'true',
    }
    for (const [name, script] of Object.entries(scripts))
      writeFileSync(folder.join(name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    writeFileSync(old, 'of last year')
    utimesSync(old, 1_600_000_000, 1_600_000_000)
    const files: Record<string, string> = { leaves: file, idle: old, none: folder.join('nothing') }
    const hooks = [...Object.keys(scripts), 'unknown'].map((hook) => ({ hook, file: files[hook] }))
    const last = [{ path: 'databases/hooks/prints.dump', bytes: 10_000_000 }]
    await using one = await backUpDatabases({ hooks }, { hooksFolder: folder.path, last })
    assert.equal(outcomeOf(one.evidence), 'warnings')
    assert.deepEqual(
      one.evidence.map(({ subject, outcome, failure, warnings }) => [
        subject,
        outcome,
        failure?.code ?? warnings[0]?.code,
      ]),
      [
        ['empty', 'failed', 'DATABASE_DUMP_EMPTY'],
        ['fails', 'failed', 'HOOK_FAILED'],
        ['idle', 'failed', 'DATABASE_DUMP_STALE'],
        ['leaves', 'good', undefined],
        ['none', 'failed', 'DATABASE_DUMP_EMPTY'],
        ['prints', 'warnings', 'DATABASE_SHRANK'],
        ['unknown', 'failed', 'HOOK_NOT_FOUND'],
      ],
    )
    assert.equal(await one.text('hooks/prints.dump'), 'a dump\n')
    assert.equal(await one.text('hooks/leaves.dump'), 'the file\n')
    await assert.rejects(tryLoad(await one.dump('hooks/prints.dump')), { code: 'DATABASE_TRIAL_IMPOSSIBLE' })
  },
)
