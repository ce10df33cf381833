import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiCommands, commandsOf } from '../src/cli/api/table.ts'
import { createProgram, loadCommands } from '../src/cli/program.ts'
import { describeCommands } from '../src/server/app/describe-commands.ts'
import { routes } from '../src/server/routes/index.ts'

/** Calls whose command does more than call: it asks for what must stand on no command line, or makes a key. */
const byHand = ['agent enroll', 'set-up']

test('every call that people make has a command of its own; calls of machines have none', () => {
  const seen = new Map<string, string>()
  for (const { access, command, method, path } of routes) {
    const call = `${method} ${path}`
    if (access.by === 'machine' || access.by === 'script') {
      assert.equal(command, undefined, `${call} is a machine’s: take its command away`)
      continue
    }
    assert.ok(command !== undefined, `${call} has no command: give its route one, such as 'machine show'`)
    assert.equal(seen.get(command), undefined, `${command} is the command of ${call}, too`)
    seen.set(command, call)
    const isInForm = byHand.includes(command) || /^[a-z]+(-[a-z]+)* [a-z]+(-[a-z]+)*$/.test(command)
    assert.ok(isInForm, `${command} is not a thing and a verb`)
  }
})

test('the table that the program reads is that of the routes', () => {
  assert.deepEqual(apiCommands, describeCommands(routes), 'run `node scripts/build-api-commands.ts`')
})

test('every command of the table is in the program, at its place, and each thing’s commands are those calls alone', async () => {
  const program = createProgram()
  await loadCommands(program)
  const things = new Set(
    apiCommands.filter(({ command }) => !byHand.includes(command)).map(({ command }) => thing(command)),
  )
  for (const name of things) {
    const group = program.commands.find((command) => command.name() === name)
    assert.ok(group, `the program has no "${name}": add it to callsOf in src/cli/program.ts`)
    const words = group.commands.map((command) => `${name} ${command.name()}`)
    const wanted = commandsOf(name).map(({ command }) => command)
    assert.deepEqual(words, wanted, `"${name}" is a command of its own already, or its calls are not in it`)
  }
  for (const command of byHand) {
    const [name, verb] = command.split(' ')
    const group = program.commands.find((one) => one.name() === name)
    assert.ok(verb === undefined ? group : group?.commands.some((one) => one.name() === verb), command)
  }
})

test('no secret is asked for by a flag', () => {
  const flags = apiCommands.flatMap(({ command, query, body }) =>
    [...query, ...(body?.fields ?? [])].map((field) => ({ command, field })),
  )
  assert.ok(flags.length > 10)
  for (const { command, field } of flags) {
    if (byHand.includes(command) || field.kind === 'secret' || field.kind === 'boolean') continue
    assert.doesNotMatch(field.name, /password|secret|passphrase|credential|token/i, command)
  }
})

test('every flag says what it is', () => {
  for (const { command, query, body } of apiCommands) {
    for (const { name, kind, about } of [...query, ...(body?.fields ?? [])]) {
      assert.ok(kind === 'secret' || about !== undefined, `${name} of ${command}: give its schema a description`)
    }
  }
})

function thing(command: string): string {
  return command.split(' ')[0] as string
}
