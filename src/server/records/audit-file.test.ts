import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { run as runProgram } from '../../../test/helpers/run.ts'
import { verifyAuditFile } from './audit-file.ts'

const program = join(import.meta.dirname, '../../../bin/understudy.js')
const understudy = async (args: readonly string[]) => await runProgram(process.execPath, [program, ...args])

type Headers = Readonly<Record<string, string>>

const actor = { who: 'person:1', fromWhere: '192.0.2.7' }

async function withEntries(server: TestServer, count: number): Promise<Headers> {
  const details = { 10: 'b', 2: 'a', text: 'Müller „&“ \u2028', deep: [1.5, null, { yes: true }] }
  for (let i = 0; i < count; i++) await server.services.audit.write({ actor, what: `deed.${i}`, details })
  return await server.tokenOf(await server.person({ [everyClient]: 'auditor' }))
}

async function exported(server: TestServer, headers: Headers, after = 0): Promise<string[]> {
  const { status, text } = await server.call('GET', `/api/audit/export?after=${after}`, { headers })
  assert.equal(status, 200, text)
  return text.trimEnd().split('\n')
}

async function verify(lines: readonly string[], known?: string) {
  async function* given() {
    yield* lines
  }
  const { entries, head, fault } = await verifyAuditFile(given(), { known })
  return fault ? `${fault.kind} ${fault.seq}` : `${entries} up to ${head.seq}`
}

function hashOf(line: string | undefined): string {
  return (JSON.parse(line ?? '') as { hash: string }).hash
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: an exported audit log is verified without the server: what is changed, missing, turned around or cut off is named`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const headers = await withEntries(server, 6)
      const lines = await exported(server, headers)
      assert.equal(await verify(lines), '7 up to 7', 'the export stands in it, too')
      assert.equal(await verify(await exported(server, headers, 4)), '4 up to 8')
      const without = (at: number) => lines.filter((_, index) => index !== at)
      assert.equal(await verify(lines.with(3, (lines[3] ?? '').replace('deed.2', 'deed.3'))), 'changed 3')
      assert.equal(await verify(lines.with(3, (lines[3] ?? '').replace('Müller', 'Meier'))), 'changed 3')
      assert.equal(await verify(without(3)), 'missing 3')
      assert.equal(await verify(without(1)), 'missing 1')
      assert.equal(await verify(lines.with(3, lines[4] ?? '').with(4, lines[3] ?? '')), 'missing 3')
      assert.equal(await verify(lines.slice(0, -1)), 'cut 7')
      assert.equal(await verify([...lines, (lines[7] ?? '').replace('"seq":7', '"seq":8')]), 'changed 8')
      const rewritten = lines.slice(0, 3)
      rewritten[0] = (rewritten[0] ?? '').replace(/"until":\{[^}]*\}/, `"until":{"seq":2,"hash":"${hashOf(lines[2])}"}`)
      assert.equal(await verify(rewritten), '2 up to 2', 'cut off with its head, it looks whole')
      assert.equal(await verify(rewritten, hashOf(lines[5])), 'other log 2', 'but not to who knows a later hash')
      assert.equal(await verify(lines, hashOf(lines[5])), '7 up to 7')
      for (const wrong of [[], ['no JSON'], ['{}'], [lines[0] ?? '', '{"seq":1}'], [lines[0] ?? '', '']]) {
        await assert.rejects(verify(wrong), { code: 'AUDIT_FILE_INVALID' }, wrong.join())
      }
      const gone = await server.call('GET', '/api/audit/export?after=999', { headers })
      assert.equal((gone.json as { code: string }).code, 'NOT_FOUND')
    },
  )
}

test('the command verifies a file where no server is, and fails where it is not as it was written', async () => {
  await using folder = await tempFolder()
  await using server = await TestServer.open()
  const headers = await withEntries(server, 3)
  const lines = await exported(server, headers)
  const path = folder.join('audit.jsonl')
  const run = async (content: readonly string[], ...more: readonly string[]) => {
    writeFileSync(path, `${content.join('\n')}\n`)
    return await understudy(['audit', 'verify', '--file', path, ...more])
  }
  const good = await run(lines, '--head', hashOf(lines[2]))
  assert.equal(good.code, 0, good.stderr)
  assert.match(good.stdout, new RegExp(`^4 entries fit together; entry 4 has the hash ${hashOf(lines[4])}`))
  const bad = await run(lines.toSpliced(2, 1))
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /entry 2 is missing or not in its place/)
  assert.match((await run(lines, '--head', 'f'.repeat(64))).stderr, /no entry in it has the hash that you know/)
  assert.match((await understudy(['audit', 'verify', '--file', folder.join('none')])).stderr, /cannot be read/)
  assert.match((await run(['x'.repeat(5 << 20)])).stderr, /a line is too long|line 1 cannot be read/)
})
