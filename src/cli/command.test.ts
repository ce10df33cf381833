import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliCommand, CountFlag, OptionalValueFlag, flag, listFlag, valueFlag } from './command.ts'
import { Environment } from './environment.ts'
import { addGlobalFlags, readGlobalFlags } from './global-flags.ts'
import { createProgram, loadCommands } from './program.ts'

function parse(args: readonly string[]) {
  const command = new CliCommand('test').exitOverride().argument('[path...]')
  command.configureOutput({ writeErr: () => undefined })
  for (const option of [
    flag('--no-scan', ''),
    flag('-n, --dry-run', ''),
    new CountFlag('-v, --verbose', ''),
    listFlag('-e, --exclude <pattern>', ''),
    valueFlag('-t, --target <folder>', ''),
    new OptionalValueFlag('--fs-snapshot <kind>', '', 'auto'),
  ]) {
    command.addOption(option)
  }
  command.action(() => undefined).parse(args, { from: 'user' })
  return { flags: command.opts(), args: command.args }
}

test('switches, counts and values are read in all the ways in which restic takes them', () => {
  assert.deepEqual(parse(['--dry-run=true', '--verbose=2', '-t=/x']).flags, { dryRun: true, verbose: 2, target: '/x' })
  assert.deepEqual(parse(['-nvv', '--no-scan', '--target', '/y']).flags, {
    dryRun: true,
    verbose: 2,
    noScan: true,
    target: '/y',
  })
  assert.deepEqual(parse(['--dry-run=false']).flags, {})
})

test('a value that looks like a flag belongs to the flag before it', () => {
  assert.deepEqual(parse(['-e', '--dry-run=true', '-e', '-v']).flags, { exclude: ['--dry-run=true', '-v'] })
})

test('a flag whose value may be left out does not swallow the path behind it', () => {
  assert.deepEqual(parse(['--fs-snapshot', '/home']), { flags: { fsSnapshot: 'auto' }, args: ['/home'] })
  assert.deepEqual(parse(['--fs-snapshot=zfs', '/home']), { flags: { fsSnapshot: 'zfs' }, args: ['/home'] })
})

test('what stands behind -- is left alone', () => {
  assert.deepEqual(parse(['--', 'mysqldump', '-v', '--dry-run=true']).args, ['mysqldump', '-v', '--dry-run=true'])
})

function globals(before: readonly string[], after: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const program = new CliCommand('understudy').enablePositionalOptions().exitOverride()
  addGlobalFlags(program)
  const command = new CliCommand('ls').copyInheritedSettings(program).action(() => undefined)
  addGlobalFlags(command)
  program.addCommand(command)
  program.parse([...before, 'ls', ...after], { from: 'user' })
  return readGlobalFlags(command, Environment.take({ ...env }))
}

test('flags of all commands may stand before and after the name of the command', () => {
  const { repo, verbosity, json, connections } = globals(
    ['-r', '/a', '-v'],
    ['--json', '-v', '-o', 'rest.connections=9'],
  )
  assert.deepEqual(
    { repo, verbosity, json, connections },
    { repo: '/a', verbosity: 3, json: true, connections: { rest: 9 } },
  )
})

test('the environment counts where no flag is given, our own names before those of restic', () => {
  const env = { RESTIC_REPOSITORY: '/restic', RESTIC_PASSWORD_FILE: '/p', UNDERSTUDY_COMPRESSION: 'max' }
  const read = globals([], [], env)
  assert.deepEqual([read.repo, read.password.file, read.compression], ['/restic', '/p', 'max'])
  assert.equal(globals([], [], { ...env, UNDERSTUDY_REPOSITORY: '/ours' }).repo, '/ours')
  assert.equal(globals([], ['--repo', '/flag'], { ...env, RESTIC_REPOSITORY_FILE: '/f' }).repositoryFile, undefined)
  assert.equal(globals([], ['--password-command', 'x'], env).password.file, undefined)
})

test('how ssh is started, and limits in KiB a second, are read from the line', () => {
  const args = [
    '-o',
    'sftp.connections=2,sftp.args=-i "a key" -o Ciphers=x,y',
    '--limit-upload=3',
    '--limit-download=0',
  ]
  const { ssh, connections, limits } = globals([], args)
  assert.deepEqual(ssh, { args: ['-i', 'a key', '-o', 'Ciphers=x,y'] })
  assert.deepEqual(connections, { sftp: 2 })
  assert.deepEqual(limits, { upload: 3072, download: undefined, file: undefined })
})

test('flags with values that mean nothing are refused in a sentence', () => {
  for (const args of [
    ['--compression', 'best'],
    ['--pack-size', '3'],
    ['--retry-lock', '5 minutes'],
    ['-o', 'sftp.colour=blue'],
    ['-o', 'sftp.connections=0'],
    ['-o', "sftp.args='-i key"],
    ['-o', 'sftp.args=-v', '-o', 'sftp.command=ssh host -s sftp'],
    ['--limit-upload', '1.5'],
    ['--limit-download', '-3'],
    ['-q', '-v'],
  ]) {
    assert.throws(() => globals([], args), { code: 'USAGE' }, args.join(' '))
  }
})

test('secrets are taken out of the environment that children get', () => {
  const env = { UNDERSTUDY_PASSWORD: 'a', RESTIC_PASSWORD: 'b', RESTIC_REST_PASSWORD: 'c', HOME: '/root' }
  const taken = Environment.take(env)
  assert.equal(taken.get('PASSWORD'), 'a')
  assert.deepEqual(env, { HOME: '/root' })
})

test('every command has a help with a text, an example and exit codes', async () => {
  const program = createProgram()
  await loadCommands(program)
  for (const command of program.commands.filter((known) => known.name() !== 'help')) {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) })
    command.outputHelp()
    assert.match(help, /Examples:\n {2}understudy .*Exit codes:\n {2}0 /s, command.name())
    assert.notEqual(command.description(), '', command.name())
  }
})
