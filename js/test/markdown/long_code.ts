// Code about as long as the part that the renderer makes of it: 64 lines.

const lines = (count: number, line = "x = 1") => `${line}\n`.repeat(count);

export const LONG_CODE = [
  ...[63, 64, 65, 128, 129].map((count) => `\`\`\`py\n${lines(count)}\`\`\`\nafter\n`),
  `\`\`\`\n${lines(64)}\n\n\`\`\`\n`,
  `\`\`\`\n${lines(64)}never closed`,
  `\`\`\`\n${lines(64, "")}x\n${lines(70, "<b>&")}\`\`\`\n`,
  `- item\n\n  ~~~\n${lines(70, "  in a list")}  ~~~\n- next\n`,
  `${lines(70, "    indented")}\nafter\n`,
];
