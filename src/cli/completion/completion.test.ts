import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { run, runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { createProgram, loadCommands } from '../program.ts'
import { bashCompletion } from './bash.ts'
import { fishCompletion } from './fish.ts'
import { closedValues, describeCommands } from './model.ts'
import { powershellCompletion } from './powershell.ts'
import { zshCompletion } from './zsh.ts'

const program = createProgram()
await loadCommands(program)
const commands = describeCommands(program)
const toolMissing = async (tool: string) => {
  const found = await run(tool, ['--version']).then(
    ({ code }) => code === 0,
    () => false,
  )
  return found ? false : `not on this machine: ${tool}`
}

test('values of closed sets are those that the help names, and flags that have them exist', () => {
  const flags = [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)].flatMap(
    (one) => one.options,
  )
  for (const [name, values] of Object.entries(closedValues)) {
    const described = flags.filter(({ long }) => long === name)
    assert.ok(described.length > 0, name)
    for (const value of values) {
      assert.ok(
        described.every(({ description }) => description.includes(value)),
        `${name} ${value}`,
      )
    }
  }
})

test('bash completes commands, flags, values, files and folders', { skip: await toolMissing('bash') }, async () => {
  await using folder = await tempFolder()
  writeFileSync(folder.join('script'), bashCompletion('understudy', commands))
  writeFileSync(folder.join('a file'), '')
  await runOk('bash', ['-n', folder.join('script')])
  const complete = async (...words: readonly string[]) => {
    const quoted = ['understudy', ...words].map((word) => `'${word}'`).join(' ')
    const call = `source ./script; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _understudy; printf '%s\\n' "\${COMPREPLY[@]}"`
    const printed = await runOk('bash', ['--norc', '-c', call], { cwd: folder.path })
    return printed.split('\n').filter((line) => line !== '')
  }
  assert.deepEqual(await complete('sna'), ['snapshots'])
  assert.deepEqual(await complete('-r', '/some/where', 'key', ''), ['list', 'add', 'remove', 'passwd'])
  assert.deepEqual(await complete('key', 'add', '--new-p'), ['--new-password-file'])
  assert.deepEqual(await complete('backup', '--exclude-c'), ['--exclude-caches'])
  assert.deepEqual(await complete('stats', '--mode', 'r'), ['restore-size', 'raw-data'])
  assert.deepEqual(await complete('--compression', '=', 'm'), ['max'])
  assert.deepEqual(await complete('--compression', '='), ['auto', 'off', 'fastest', 'better', 'max'])
  assert.deepEqual(await complete('list', 'k'), ['keys'])
  assert.deepEqual(await complete('help', 'sel'), ['self-check'])
  assert.deepEqual(await complete('backup', 'a'), ['a file'])
  assert.deepEqual(await complete('-p', 'a'), ['a file'])
  assert.deepEqual(await complete('-r', 'a'), [])
  assert.deepEqual(await complete('snapshots', '--host', ''), [])
})

for (const [shell, script] of [
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
] as const) {
  test(`${shell} accepts its script`, { skip: await toolMissing(shell) }, async () => {
    await using folder = await tempFolder()
    writeFileSync(folder.join('script'), script('understudy', commands))
    await runOk(shell, ['-n', folder.join('script')])
  })
}

// What zsh's completion system offers inside a widget stands here for itself: what the script asks of it is printed.
const zshStubs = `
compdef() { }
compset() { PREFIX=\${PREFIX#*=} }
_describe() { [[ $1 == -o ]] && { print -rl -- \${(M)flags:#$PREFIX*}; return }; print -rl -- \${(M)names:#$PREFIX*} }
compadd() { shift; print -rl -- \${(M)@:#$PREFIX*} }
_files() { print files $* }
_message() { }
`

test('zsh completes commands, flags and values', { skip: await toolMissing('zsh') }, async () => {
  await using folder = await tempFolder()
  writeFileSync(folder.join('script'), zshStubs + zshCompletion('understudy', commands))
  const complete = async (...words: readonly string[]) => {
    const quoted = ['understudy', ...words].map((word) => `'${word}'`).join(' ')
    const call = `words=(${quoted}); CURRENT=${words.length + 1}; PREFIX='${words.at(-1)}'; source ./script; _understudy`
    const printed = await runOk('zsh', ['-f', '-c', call], { cwd: folder.path })
    return printed
      .split('\n')
      .map((line) => line.split(':')[0])
      .filter((line) => line !== '')
  }
  assert.deepEqual(await complete('sna'), ['snapshots'])
  assert.deepEqual(await complete('-r', '/some/where', 'key', ''), ['list', 'add', 'remove', 'passwd'])
  assert.deepEqual(await complete('key', 'add', '--new-p'), ['--new-password-file'])
  assert.deepEqual(await complete('stats', '--mode', 'r'), ['restore-size', 'raw-data'])
  assert.deepEqual(await complete('--compression=m'), ['max'])
  assert.deepEqual(await complete('list', 'k'), ['keys'])
  assert.deepEqual(await complete('backup', 'a'), ['files'])
  assert.deepEqual(await complete('-r', 'a'), ['files -/'])
})

test('fish completes commands, flags and values', { skip: await toolMissing('fish') }, async () => {
  await using folder = await tempFolder()
  writeFileSync(folder.join('script'), fishCompletion('understudy', commands))
  const complete = async (line: string) => {
    const call = `source ${folder.join('script')}; complete -C '${line}'`
    const printed = await runOk('fish', ['--no-config', '-c', call], { cwd: folder.path, env: { HOME: folder.path } })
    return printed
      .split('\n')
      .map((one) => one.split('\t')[0])
      .filter((one) => one !== '')
  }
  assert.deepEqual(await complete('understudy sna'), ['snapshots'])
  assert.deepEqual(new Set(await complete('understudy key ')), new Set(['list', 'add', 'remove', 'passwd']))
  assert.deepEqual(await complete('understudy stats --mode ra'), ['raw-data'])
  assert.deepEqual(await complete('understudy -r x backup --exclude-ca'), ['--exclude-caches'])
})

test('every script has every command and flag in it, and quotes what could end a string', () => {
  const hostile = [
    {
      ...commands[0],
      summary: "it's",
      commands: [{ name: 'x', summary: "a'b $(c) `d`" }],
      flags: [],
      argument: 'file',
      path: '',
    },
  ] as const
  for (const script of [bashCompletion, zshCompletion, fishCompletion, powershellCompletion]) {
    const text = script('understudy', commands)
    for (const { path, flags } of commands) {
      assert.ok(text.includes(path))
      for (const name of flags.flatMap(({ names }) => names)) assert.ok(text.includes(name.replace(/^--?/, '')), name)
    }
    assert.ok(!/a'b/.test(script('understudy', hostile).replaceAll(/'\\''|\\'|''/g, '')))
  }
})
