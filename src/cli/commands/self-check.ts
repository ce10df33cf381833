import type { CliCommand } from '../command.ts'
export function define(_command: CliCommand): void {}
