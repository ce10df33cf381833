import type { Argument, Command, Option } from 'commander'
import { commandPath } from '../command.ts'

/** What a shell has to know to complete a command line, taken from the commands' own definition. */

/** What may stand as a value: words of a closed set, a path, or something that nobody can guess. */
export type Completed = readonly string[] | 'file' | 'folder' | 'unknown'

export interface CompletedFlag {
  /** `-r` and `--repo`, as far as there are. */
  readonly names: readonly string[]
  readonly summary: string
  /** Undefined for a switch. */
  readonly value: Completed | undefined
  /** The value stands behind `=` or not at all. */
  readonly isValueOptional: boolean
}

export interface CompletedCommand {
  /** The words by which it is called, `key add`; empty for the program. */
  readonly path: string
  readonly summary: string
  /** Commands below it. */
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly flags: readonly CompletedFlag[]
  /** What stands where no flag is. */
  readonly argument: Completed
}

/** Flags whose value is of a closed set, by their names. A test keeps them as they are in the help. */
export const closedValues: Readonly<Record<string, readonly string[]>> = {
  '--archive': ['tar', 'zip'],
  '--compression': ['auto', 'off', 'fastest', 'better', 'max'],
  '--fs-snapshot': ['auto', 'any', 'lvm', 'btrfs', 'zfs'],
  '--group-by': ['host', 'paths', 'tags'],
  '--mode': ['restore-size', 'files-by-contents', 'blobs-per-file', 'raw-data'],
  '--overwrite': ['always', 'if-changed', 'if-newer', 'never'],
  '--repository-version': ['1', '2', 'latest', 'stable'],
  '--sort': ['name', 'size', 'time', 'atime', 'ctime', 'extension'],
}

/** The program and all its commands. They must have been loaded. */
export function describeCommands(program: Command): CompletedCommand[] {
  return [program, ...program.commands.flatMap(withInner)].map((command) => describe(command, program))
}

function withInner(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withInner)]
}

function describe(command: Command, program: Command): CompletedCommand {
  const inner = command.commands.map((one) => ({ name: one.name(), summary: oneLine(one.summary()) }))
  return {
    path: commandPath(command),
    summary: oneLine(command.summary()),
    commands: inner,
    flags: [...command.options.map(describeFlag), helpFlag],
    argument: command.name() === 'help' ? program.commands.map((one) => one.name()) : argumentOf(command),
  }
}

const helpFlag: CompletedFlag = {
  names: ['-h', '--help'],
  summary: 'explain the command',
  value: undefined,
  isValueOptional: false,
}

function describeFlag(option: Option): CompletedFlag {
  const isValueOptional = 'valueWhenBare' in option
  const hasValue = option.required || option.optional || isValueOptional
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    summary: oneLine(option.description),
    value: hasValue ? valueOf(option) : undefined,
    isValueOptional,
  }
}

function valueOf({ long = '', flags }: Option): Completed {
  return closedValues[long] ?? placeOf(/[<[](.*)[>\]]/.exec(flags)?.[1] ?? '')
}

// What stands between the brackets says what is meant.
function placeOf(placeholder: string): Completed {
  if (/^(file|path)\b/.test(placeholder)) return 'file'
  return /^(folder|location)\b/.test(placeholder) ? 'folder' : 'unknown'
}

function argumentOf({ registeredArguments }: Command): Completed {
  const [first] = registeredArguments
  if (!first) return 'unknown'
  return first.name() === 'kind' ? wordsOf(first) : placeOf(first.name())
}

// `cat` and `list` say in their help what kinds there are.
function wordsOf({ description }: Argument): readonly string[] {
  return description.split(', ')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
