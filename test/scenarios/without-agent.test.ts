import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { freePort } from '../helpers/rest-server.ts'
import { run, runOk } from '../helpers/run.ts'
import { moveScript } from '../helpers/script-places.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

const skip =
  missing('restic') ||
  (!existsSync('/usr/bin/curl') && 'not on this machine: curl') ||
  (process.getuid?.() !== 0 && 'the script must be run by root')

interface Operation {
  readonly kind: string
  readonly state: string
  readonly code: string | null
  readonly result: Record<string, unknown> | null
}

interface RecoveryPoint {
  readonly id: string
  readonly signed: boolean
  readonly suspicions: readonly string[]
  readonly content: { readonly host: string; readonly paths: readonly string[] } | null
}

interface Answer {
  readonly files: readonly {
    readonly rawPath: string
    readonly versions: readonly { readonly size: number; readonly last: { readonly snapshot: string } }[]
  }[]
  readonly searched: readonly { readonly recoveryPoints: number }[]
}

test(
  'a machine without agent backs up by its script over TLS, is shown like any other, and a spoiled file is found and got back',
  { skip },
  async () => {
    await using folder = await tempFolder()
    const port = await freePort()
    const origin = `https://localhost:${port}`
    await using serving = await serve(folder.join('server'), port, '--listen', `0.0.0.0:${port}`, '--origin', origin)
    // For this process: restic and curl are to know the server by the certificate in their script.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    await setUpOwner(serving)
    const token = await ownerToken(serving)
    const ask = async (path: string, body?: object) => {
      const { status, json } = await callApi(serving.origin, path, { token, ...(body && { body }) })
      assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
      return json
    }
    const until = async (what: string, isSo: () => Promise<boolean>) => {
      for (let tries = 0; tries < 120; tries++) {
        if (await isSo()) return
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
      assert.fail(`it never came to that: ${what}`)
    }

    const { id: client } = (await ask('/api/clients', { name: 'Bakery' })) as { id: string }
    const machine = (await ask(`/api/clients/${client}/machines`, { name: 'office pc' })) as Record<string, string>
    assert.equal(machine['hasAgent'], false)
    const at = `/api/machines/${machine['id']}`
    const data = folder.join('data')
    mkdirSync(data)
    writeFileSync(`${data}/prices.txt`, 'bread 3.20\nrolls 0.55\n')
    const order = { system: 'linux', paths: [data], schedule: { hour: 3, minute: 0 } }
    const made = (await ask(`${at}/script`, order)) as { script: string }
    const { script, program } = moveScript(made.script, folder)
    await runOk('sh', ['-s'], { input: script })
    await runOk('sh', [program])
    writeFileSync(`${data}/prices.txt`, 'encrypted, pay here')
    await runOk('sh', [program])
    const operations = (await ask(`/api/operations?machine=${machine['id']}`)) as Operation[]
    assert.deepEqual(
      operations.map(({ kind, state }) => [kind, state]),
      [
        ['backup', 'done'],
        ['backup', 'done'],
      ],
    )

    const { recoveryPoints } = (await ask(`${at}/snapshots`)) as { recoveryPoints: RecoveryPoint[] }
    assert.deepEqual(
      recoveryPoints.map(({ content, signed, suspicions }) => [content?.host, content?.paths, signed, suspicions]),
      [
        ['office pc', [data], false, []],
        ['office pc', [data], false, []],
      ],
    )
    assert.deepEqual(
      new Set(operations.map(({ result }) => result?.['snapshotId'])),
      new Set(recoveryPoints.map(({ id }) => id)),
    )

    let answer: Answer | undefined
    await until('both recovery points are searched', async () => {
      answer = (await ask('/api/search', { text: 'prices' })) as Answer
      return answer.searched[0]?.recoveryPoints === 2
    })
    const [file] = answer?.files ?? []
    const good = file?.versions.find(({ size }) => size === 22)
    const spoiled = file?.versions.find(({ size }) => size === 19)
    assert.ok(file && good && spoiled)

    const inGood = `${at}/snapshots/${good.last.snapshot}`
    const place = { rawPath: file.rawPath, reason: 'Anna says that the prices are gone' }
    const { preview } = (await ask(`${inGood}/preview`, place)) as { preview: { pages: string[] } }
    assert.deepEqual(preview.pages, ['bread 3.20\nrolls 0.55\n'])
    const compared = await ask(`${at}/snapshots/${spoiled.last.snapshot}/comparison`, {
      ...place,
      older: good.last.snapshot,
    })
    assert.deepEqual((compared as { comparison: { removed: number; added: number } }).comparison.removed, 2)
    const got = folder.join('got')
    mkdirSync(got)
    const words = ['--raw-path', place.rawPath, '--reason', place.reason, '--to', got]
    await runOk(process.execPath, [mainModule, 'machine', 'download', 'office pc', good.last.snapshot, ...words], {
      env: { UNDERSTUDY_SERVER: origin, UNDERSTUDY_TOKEN: token, UNDERSTUDY_FINGERPRINT: serving.fingerprint },
    })
    assert.equal(readFileSync(`${got}/prices.txt`, 'utf8'), 'bread 3.20\nrolls 0.55\n')
    let looked: { what: string; details: Record<string, unknown> }[] = []
    await until('the end of the download is in the audit log', async () => {
      looked = ((await ask('/api/audit')) as typeof looked).filter(({ what }) => what.startsWith('content.'))
      return looked.length === 4
    })
    assert.deepEqual(
      looked.map(({ what }) => what),
      ['content.preview', 'content.compare', 'content.download', 'content.download.end'],
    )
    for (const { details } of looked) {
      assert.deepEqual([details['path'], details['reason']], [`${data}/prices.txt`, place.reason])
    }

    // What fails is told, and what the machine claims is held against what has come.
    rmSync(data, { recursive: true })
    assert.notEqual((await run('sh', [program])).code, 0)
    const [newest] = (await ask(`/api/operations?machine=${machine['id']}`)) as Operation[]
    assert.deepEqual([newest?.state, newest?.code], ['failed', 'SCRIPT_RUN_FAILED'])
    await runOk('sh', ['-s', 'uninstall'], { input: script })
  },
)
