import { formatTable } from '../table.ts'
import { addVerifiedKey, changePassword, listKeys, removeKey } from '#repository'
import type { HeldLock, NewKey } from '#repository'
import { messageOf } from '#base'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { findFile } from '../find-file.ts'
import { openForCommand, readRepository, withLock } from '../open-repository.ts'
import { askNewPassword, readPasswordFile } from '../password.ts'
import { formatTimeText, shortId } from '../words.ts'

const text = `
Manages the keys: each lets a password of its own open the repository. Removing a key does not shut out somebody who has
already used it and kept the master key; for that, copy what is needed into a new repository.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy key list', 'understudy key passwd'] })
  defineList(command.command('list'))
  defineAdd(command.command('add'))
  defineRemove(command.command('remove'))
  definePasswd(command.command('passwd'))
}

function defineList(command: CliCommand): void {
  command.summary('list the keys')
  setHelp(command, {
    text: 'Lists the keys; the one that opened the repository now is marked.',
    examples: ['understudy key list'],
  })
  runs(command, printKeys)
}

function defineAdd(command: CliCommand): void {
  command.summary('add a key, for a further password')
  setHelp(command, {
    text: 'Adds a key with a new password, which is asked for unless a file has it.',
    examples: ['understudy key add', 'understudy key add --new-password-file new.txt --user anna'],
  })
  addNewPasswordFlags(command)
  runs(
    command,
    async (context, _, flags) => {
      await using opened = await openForCommand(context)
      const name = await withLock(context, opened.repository, {}, async (signal) =>
        addVerifiedKey(opened.repository, await readNewKey({ ...context, signal }, flags), { signal }),
      )
      context.printer.say(`saved new key with ID ${name}`)
    },
    { outlivesOutput: true },
  )
}

function defineRemove(command: CliCommand): void {
  command.summary('remove a key')
  setHelp(command, {
    text: 'Removes a key, so that its password opens the repository no more. The key in use cannot be removed.',
    examples: ['understudy key remove eb78040b'],
  })
  command.argument('<id>', 'id of the key, or the first digits of it')
  runs(command, remove, { outlivesOutput: true })
}

function definePasswd(command: CliCommand): void {
  command.summary('change the password')
  setHelp(command, {
    text: 'Changes the password: adds a key with the new one, proves that it works, and removes the key in use.',
    examples: ['understudy key passwd', 'understudy key passwd --new-password-file new.txt'],
  })
  addNewPasswordFlags(command)
  runs(
    command,
    async (context, _, flags) => {
      await using opened = await openForCommand(context)
      const { repository } = opened
      const name = await withLock(context, repository, { exclusive: true }, async (signal, lock) =>
        changePassword(repository, await readNewKey({ ...context, signal }, flags), {
          lock: lock as HeldLock,
          signal,
        }),
      )
      context.printer.say(`saved new key as ${name}`)
    },
    { outlivesOutput: true },
  )
}

function addNewPasswordFlags(command: CliCommand): void {
  command.addOption(valueFlag('--new-password-file <file>', 'file to read the new password from'))
  command.addOption(flag('--new-insecure-no-password', 'the new key has no password (insecure)'))
  command.addOption(valueFlag('--user <name>', 'user that the key is for (default: this user)'))
  command.addOption(valueFlag('--host <name>', 'machine that the key is for (default: this machine)'))
}

async function printKeys(context: CommandContext): Promise<void> {
  const { printer } = context
  await readRepository(context, async ({ backend, keyName }, signal) => {
    const { keys, damaged } = await listKeys(backend, { signal })
    for (const { error } of damaged) printer.error(`error: ${messageOf(error)}`)
    const rows = keys.map(({ name, file }) => ({
      current: name === keyName,
      id: name,
      userName: file.username,
      hostName: file.hostname,
      created: formatTimeText(file.created),
    }))
    if (printer.isJson) return printer.json(rows)
    const columns = [
      { title: ' ID', cell: ({ current, id }: (typeof rows)[number]) => `${current ? '*' : ' '}${shortId(id)}` },
      { title: 'User', cell: ({ userName }: (typeof rows)[number]) => userName },
      { title: 'Host', cell: ({ hostName }: (typeof rows)[number]) => hostName },
      { title: 'Created', cell: ({ created }: (typeof rows)[number]) => created },
    ]
    for (const line of formatTable(columns, rows)) printer.result(line)
  })
}

async function readNewKey(context: CommandContext, flags: CommandFlags): Promise<NewKey> {
  const password = await readNewPassword(context, flags)
  return { password, user: textOf(flags, 'user'), host: textOf(flags, 'host') }
}

async function readNewPassword(context: CommandContext, flags: CommandFlags): Promise<string> {
  const file = flags.newPasswordFile as string | undefined
  const none = flags.newInsecureNoPassword === true
  if (none && file !== undefined) {
    throw context.refuse('--new-password-file and --new-insecure-no-password exclude each other')
  }
  if (none) return ''
  if (file === undefined) return await askNewPassword('enter new password: ', context.signal, 'NEW_PASSWORD_MISSING')
  const password = readPasswordFile(file, '--new-password-file')
  if (password === '') throw new CliError('NEW_PASSWORD_MISSING')
  return password
}

async function remove(context: CommandContext, [start = '']: readonly string[]): Promise<void> {
  await using opened = await openForCommand(context)
  const { repository } = opened
  await withLock(context, repository, { exclusive: true }, async (signal, lock) => {
    const name = await findFile(repository.backend, 'key', start, { signal })
    await removeKey(repository, name, { lock: lock as HeldLock, signal })
    context.printer.say(`removed key ${name}`)
  })
}
