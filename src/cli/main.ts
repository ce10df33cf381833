import { keepYoungObjectsFew } from './frugal-memory.ts'
import { runProgram } from './run-program.ts'

keepYoungObjectsFew()
await runProgram(process.argv)
