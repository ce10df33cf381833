import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { freePort } from '../helpers/rest-server.ts'
import { run, start } from '../helpers/run.ts'
import type { RunResult } from '../helpers/run.ts'
import { mainModule, ownerEmail, ownerPassword, serve } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'
import type { TempFolder } from '../helpers/temp.ts'

/** A user's terminal: commands, with a configuration of their own. */
class Shell {
  readonly #folder: TempFolder
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(folder: TempFolder, env: Readonly<Record<string, string>> = {}) {
    this.#folder = folder
    const own = { XDG_CONFIG_HOME: folder.join('config'), XDG_DATA_HOME: folder.join('data'), HOME: folder.path }
    this.#env = { ...own, UNDERSTUDY_SERVER: undefined, UNDERSTUDY_TOKEN: undefined, ...env }
  }

  /** `lines` are what somebody types. */
  async run(args: readonly string[], lines: readonly string[] = []): Promise<RunResult> {
    const input = lines.map((line) => `${line}\n`).join('')
    return await run(process.execPath, [mainModule, ...args], { env: this.#env, input, cwd: this.#folder.path })
  }

  async ok(args: readonly string[], lines: readonly string[] = []): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, lines)
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`)
    return stdout
  }

  async json(args: readonly string[], lines: readonly string[] = []): Promise<unknown> {
    return JSON.parse(await this.ok([...args, '--json'], lines))
  }
}

/** What `apply` reads, as somebody keeps it in version control. */
function declaration(files: string, machineId: string): string {
  return `
clients:
  - name: Bakery
    policies:
      - name: Files
        what: { include: ['${files}'] }
        when: { kind: daily, at: ['03:00'], timeZone: UTC }
        keep: { daily: 7 }
        to: { repository: own }
    machines:
      - { name: oven, id: ${machineId}, state: approved, policies: [Files] }
people:
  - email: anna@bakery.example
    roles: [{ role: operator, client: Bakery }]
`
}

test('by commands alone: an account, a client, a machine, a policy from a file, a backup that is waited for', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  await using serving = await serve(folder.join('server'), port)
  const shell = new Shell(folder)
  await shell.ok(['set-up'], [serving.ownerLink as string, 'Olga', ownerEmail, ownerPassword])
  await shell.ok(['login', `localhost:${port}`], [ownerEmail, ownerPassword])
  assert.equal(statSync(folder.join('config', 'understudy', 'logins.json')).mode & 0o777, 0o600)
  assert.equal(((await shell.json(['person', 'me'])) as { email: string }).email, ownerEmail)

  await shell.ok(['client', 'create', '--name', 'Bakery'])
  const { line } = (await shell.json(['machine', 'enrol-line', 'Bakery'])) as { line: string }
  await shell.ok(['agent', 'enroll', '--data', folder.join('agent'), line])
  const [machine] = (await shell.json(['machine', 'list', '--client', 'Bakery'])) as { id: string; state: string }[]
  assert.equal(machine?.state, 'waiting')

  await mkdir(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  const file = folder.join('business.yaml')
  writeFileSync(file, declaration(folder.join('files'), machine.id))
  const shown = await shell.run(['apply', file, '--dry-run'])
  assert.equal(shown.code, 2, shown.stderr)
  assert.match(shown.stdout, /\+ backup policy "Files" of Bakery/)
  assert.equal((await shell.run(['apply', file])).code, 1, 'nobody said yes')
  assert.match(await shell.ok(['apply', file, '--yes']), /the link, shown once: http.*\/set-up#/)
  assert.match(await shell.ok(['apply', file, '--yes']), /Nothing differs/)
  assert.equal((await shell.run(['apply', file, '--dry-run'])).code, 0)
  const approved = (await shell.json(['machine', 'show', 'oven'])) as { state: string }
  assert.equal(approved.state, 'approved')

  await using agent = start(process.execPath, [mainModule, 'agent', 'run', '--data', folder.join('agent')], {
    timeout: 120_000,
  })
  await agent.printed(/its repository/)
  const backup = (await shell.json(['machine', 'backup', 'oven', '--policy', 'Files', '--wait'])) as {
    id: string
    state: string
  }
  assert.equal(backup.state, 'done', JSON.stringify(backup))
  const listed = await shell.ok(['operation', 'list', '--machine', 'oven', '--state', 'done'])
  assert.match(listed, new RegExp(`${backup.id.slice(0, 8)}  backup +oven +Bakery +done`))
  agent.kill('SIGTERM')
  await agent.result

  const again = (await shell.json(['machine', 'backup', machine.id, '--policy', 'Files'])) as { id: string }
  const cancelled = await shell.run(['operation', 'cancel', again.id.slice(0, 8), '--wait'])
  assert.match(cancelled.stderr, /was cancelled.*OPERATION_CANCELLED/)
  assert.equal(cancelled.code, 1)

  const made = await shell.json(
    ['token', 'create', '--name', 'script', '--scopes', 'see,audit'],
    [ownerEmail, ownerPassword],
  )
  const { token } = made as { token: string }
  await shell.ok(['logout'])
  assert.match((await shell.run(['client', 'list', '--server', serving.origin])).stderr, /LOGIN_MISSING/)
  const script = new Shell(folder, { UNDERSTUDY_SERVER: serving.origin, UNDERSTUDY_TOKEN: token })
  assert.match(await script.ok(['client', 'list']), /Bakery/)
  const refused = await script.run(['client', 'create', '--name', 'Butcher', '--json'])
  assert.equal(JSON.parse(refused.stderr).error, 'RIGHT_MISSING')
})

test('the user of the server needs no login on its machine, is nobody by name there, and nobody once it has stopped', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  const data = folder.join('server')
  const shell = new Shell(folder)
  const access = folder.join('server', 'local-access.json')
  {
    await using serving = await serve(data, port, '--listen', `0.0.0.0:${port}`)
    assert.match(serving.origin, /^https:/)
    assert.equal(statSync(access).mode & 0o777, 0o600)
    await shell.ok(['client', 'create', '--name', 'Bakery', '--data', data])
    assert.match(await shell.ok(['client', 'list', '--data', data]), /Bakery/)
    assert.match((await shell.run(['person', 'me', '--data', data])).stderr, /PERSON_NEEDED/)
    assert.match(
      (await shell.run(['token', 'create', '--name', 'x', '--scopes', 'see', '--data', data])).stderr,
      /INPUT_ENDED/,
    )
    serving.command.kill('SIGTERM')
    await serving.command.result
  }
  assert.ok(!existsSync(access))
  assert.match((await shell.run(['client', 'list', '--data', data])).stderr, /LOCAL_ACCESS_REFUSED/)
})

test('a server with a certificate of its own making is let in by its fingerprint only, and one that changed is refused', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  const shell = new Shell(folder)
  const address = `https://127.0.0.1:${port}`
  const flags = ['--listen', `0.0.0.0:${port}`]
  {
    await using serving = await serve(folder.join('server'), port, ...flags)
    const link = (serving.ownerLink as string).replace(serving.origin, address)
    const fingerprint = ['--fingerprint', serving.fingerprint as string]
    const unsure = await shell.run(['login', address], [ownerEmail, ownerPassword])
    assert.match(unsure.stderr, new RegExp(`CERTIFICATE_NOT_TRUSTED|${serving.fingerprint ?? ''}`))
    await shell.ok(['set-up', ...fingerprint], [link, 'Olga', ownerEmail, ownerPassword])
    await shell.ok(['login', address, ...fingerprint], [ownerEmail, ownerPassword])
    assert.match(await shell.ok(['person', 'list']), new RegExp(ownerEmail))
  }
  await using other = await serve(folder.join('other'), port, ...flags)
  assert.ok(other.fingerprint)
  assert.match((await shell.run(['person', 'list'])).stderr, /CERTIFICATE_CHANGED/)
})
