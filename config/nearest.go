package config

import "strings"

// nearest returns the known word that a misspelt one is likely to stand for; empty if none is near.
func nearest(word string, known []string) string {
	best, least := "", (len(word)+1)/3+1
	for _, k := range known {
		switch a, b := plainWord(word), plainWord(k); {
		case a == b:
			return k
		case len(a)-len(b) >= least || len(b)-len(a) >= least:
		case distance(a, b) < least:
			best, least = k, distance(a, b)
		}
	}
	if best != "" {
		return best
	}
	const telling = 4 // letters that are enough to know a word by its beginning
	for _, k := range known {
		if long, short := max(word, k), min(word, k); len(short) >= telling && strings.HasPrefix(long, short) {
			return k
		}
	}
	return ""
}

// plainWord is a key without what people write in other ways: capitals, and how words are joined.
func plainWord(key string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
}

// distance counts the letters to put in, leave out, replace or swap with the next to make b of a: the restricted
// Damerau-Levenshtein distance.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
