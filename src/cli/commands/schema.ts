import { join } from 'node:path'
import { openExistingStore, planBack, stepsDone, takeBack } from '#server'
import type { BackPlan } from '#server'
import { printable } from '#base'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { serverFolder } from '../data-folder.ts'

const text = `
The schema of the control server's database has steps. A server that starts takes those that are missing, after it has made a
copy. To use an older version of the program again, stop the server and take the schema back with the newer one: the older one
says to which step.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy schema show', 'understudy schema back 7'], ofServer: true })
  defineShow(command.command('show'))
  defineBack(command.command('back'))
}

function defineShow(command: CliCommand): void {
  setHelp(command, {
    text: 'Lists the steps that the schema of the control database has.',
    examples: ['understudy schema show', 'understudy schema show --database postgres://understudy@db/understudy'],
    ofServer: true,
  })
  command.summary('list the steps of the schema')
  addPlaceFlags(command)
  runs(command, async (context, args, flags) => {
    const { printer } = context
    if (args.length > 0) throw context.refuse('schema show takes no arguments')
    await using store = await openExistingStore(placeOf(context, flags))
    const steps = await stepsDone(store)
    if (printer.isJson) return printer.json({ message_type: 'schema', database: store.location, steps })
    for (const step of steps) printer.result(printable(step))
  })
}

const aboutBack = `
Takes the schema of the control database back to a step, which is named as "schema show" does or by its number; without one, by
one step. What only the steps after it hold (the tables and columns that they brought, with all that is in them) goes; a copy of
the whole is made before. The server must not run meanwhile. When it is started again by this version, it takes the steps anew.`

function defineBack(command: CliCommand): void {
  setHelp(command, {
    text: aboutBack,
    examples: ['understudy schema back --dry-run', 'understudy schema back 0007-looks-and-devices'],
    ofServer: true,
  })
  command.summary('take the schema back to a step').argument('[step]')
  addPlaceFlags(command)
  command.addOption(flag('--dry-run', 'only say what would be done'))
  runs(command, async (context, [step, ...more], flags) => {
    if (more.length > 0) throw context.refuse('schema back takes one step')
    await using store = await openExistingStore(placeOf(context, flags))
    const plan = planBack(await stepsDone(store), step)
    if (flags['dryRun'] === true) return show(context, plan, undefined)
    const { copy } = await takeBack(store, plan, { copyFolder: folderOf(context, flags) })
    show(context, plan, copy)
  })
}

/** `copy`: where it was made, when it was done. */
function show({ printer }: CommandContext, { to, gone }: BackPlan, copy: string | undefined): void {
  if (printer.isJson) return printer.json({ message_type: 'schema_back', to, gone, copy })
  if (gone.length === 0) return printer.say(`The schema is at ${to} already.`)
  const steps = gone.map((step) => printable(step)).join(', ')
  if (copy === undefined) return printer.result(`Would go: ${steps}. The last step would be ${to}.`)
  printer.result(`Gone: ${steps}. The last step is ${to}.`)
  printer.say(`What was there before lies in ${printable(copy)}.`)
}

function addPlaceFlags(command: CliCommand): void {
  command.addOption(valueFlag('--data <folder>', 'where the server keeps its key, certificate and database'))
  command.addOption(valueFlag('--database <location>', 'a SQLite file or postgres://… (default: a file in --data)'))
}

function folderOf({ env }: CommandContext, flags: CommandFlags): string {
  return textOf(flags, 'data') ?? serverFolder(env)
}

function placeOf(context: CommandContext, flags: CommandFlags): string {
  return textOf(flags, 'database') ?? join(folderOf(context, flags), 'control.db')
}
