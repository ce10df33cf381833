import { keepGarbageSmall } from './frugal-memory.ts'
import { runProgram } from './run-program.ts'

keepGarbageSmall()
await runProgram(process.argv)
