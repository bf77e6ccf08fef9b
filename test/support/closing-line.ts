import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with the line `N passed, N failed`, and fails it when no test was executed. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0
    let failed = 0
    for (const module of modules) {
      if (module.errors().length > 0) failed++
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
      }
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
    if (passed + failed === 0) process.exitCode = 1
  }
}
