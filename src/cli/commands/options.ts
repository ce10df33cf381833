import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import { storageOptions } from '../storage-options.ts'

export function define(command: CliCommand): void {
  setHelp(command, {
    text: 'Lists the options that --option sets: details of the kinds of storage.',
    examples: ['understudy options', 'understudy -o rest.connections=10 backup /srv'],
  })
  runs(command, async (context, args) => {
    const { printer } = context
    if (args.length > 0) throw context.refuse('options takes no arguments')
    if (printer.isJson) return printer.json(storageOptions)
    printer.result('All Extended Options:')
    const width = Math.max(...storageOptions.map(({ name }) => name.length))
    for (const { name, description } of storageOptions) printer.result(`  ${name.padEnd(width)}  ${description}`)
  })
}
