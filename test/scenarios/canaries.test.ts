import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Business } from '../helpers/business-of-one.ts'
import { ownerPassword } from '../helpers/serving.ts'

const skip = process.platform !== 'linux' && 'kernel: no /proc'

test(
  'while a machine backs up, no secret is in any argument, environment, hook, output or file but those that are for it',
  { skip },
  async () => {
    await using business = await Business.open()
    const { folder } = business
    const [agent, hooks] = [folder.join('agent'), folder.join('hooks')]
    mkdirSync(hooks, { mode: 0o755 })
    writeFileSync(join(hooks, 'before'), `#!/bin/sh\nenv > ${folder.join('hook-env')}\nsleep 1\n`)
    chmodSync(join(hooks, 'before'), 0o755)
    mkdirSync(folder.join('files'))
    writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
    const policy = await business.policy({ what: { include: [folder.join('files')], hooks: { before: 'before' } } })
    business.startAgent('--hooks', hooks)
    await business.until('the machine is ready', () => Promise.resolve(business.agentSaid.includes('its repository')))
    const { password, secret } = JSON.parse(readFileSync(join(agent, 'repository.json'), 'utf8')) as Record<
      string,
      string
    >
    const canaries = { password, secret, ownerPassword, token: business.token, sealing: sealingKey(business) }
    for (const [name, canary = ''] of Object.entries(canaries)) assert.ok(canary.length >= 20, name)

    const watching = new AbortController()
    const watch = watchProcesses(watching.signal)
    const done = await business.backUp(policy)
    assert.equal(done.state, 'done', done.reason ?? '')
    // One that fails: what is then told must not tell a secret either.
    await business.change(policy, { what: { include: [folder.join('gone')], hooks: { before: 'before' } } })
    const failed = await business.backUp(policy)
    assert.notEqual(failed.state, 'done')
    watching.abort()
    const seen = await watch
    assert.ok(
      [...seen].some((text) => text.includes('--password-file')),
      'the program was seen at its work',
    )

    const { stdout, stderr } = business.serving.command.output()
    const places = {
      processes: [...seen].join('\n'),
      hook: readFileSync(folder.join('hook-env'), 'utf8'),
      agent: business.agentSaid,
      server: stdout + stderr,
      operations: JSON.stringify([done, failed]),
    }
    for (const [place, text] of Object.entries(places)) {
      for (const [name, canary = ''] of Object.entries(canaries)) {
        for (const form of formsOf(canary)) assert.ok(!text.includes(form), `the ${name} is in ${place}`)
      }
    }
    for (const path of filesBelow(agent)) {
      const bytes = readFileSync(path, 'latin1')
      if ([password, secret].some((canary) => bytes.includes(canary ?? ''))) {
        assert.match(path, /repository\.[a-z]+$/)
        assert.equal(statSync(path).mode & 0o077, 0, path)
      }
    }
    assert.equal(statSync(agent).mode & 0o077, 0)
    await business.stopAgent()
  },
)

/** As it is, and as it would stand in an HTTP header or a dump. */
function formsOf(canary: string): string[] {
  const bytes = Buffer.from(canary)
  return [canary, encodeURIComponent(canary), bytes.toString('base64'), bytes.toString('hex')]
}

function sealingKey({ folder }: Business): string {
  return readFileSync(folder.join('server', 'sealing.key'), 'utf8').trim()
}

function filesBelow(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
  return paths.filter((path) => statSync(path).isFile())
}

/** Arguments and environments of every process that there is, again and again until the signal aborts. */
async function watchProcesses(signal: AbortSignal): Promise<Set<string>> {
  const seen = new Set<string>()
  while (!signal.aborted) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      for (const name of ['cmdline', 'environ']) seen.add(readIfThere(`/proc/${pid}/${name}`))
    }
    await sleep(50)
  }
  return seen
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended, or belongs to somebody else
  }
}
